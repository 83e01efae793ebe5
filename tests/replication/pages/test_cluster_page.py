"""What the page "On a cluster" shows."""

from __future__ import annotations

from replication.pages import cluster

STUDY = "bert-base-glue"


def test_hours_fall_with_cards_and_both_ways_have_the_same_work() -> None:
    found = cluster.schedules(STUDY)
    for schedules in found.values():
        hours = [schedule.seconds for schedule in schedules.values()]
        assert hours == sorted(hours, reverse=True) and list(schedules) == [1, 8, 45, 100]
        work = {round(s.seconds * s.busy * n) for n, s in schedules.items()}
        assert len(work) == 1, "the same jobs on however many cards"
    axes = cluster.plot(STUDY).drawing.axes[0]
    lines = {line.get_label(): line.get_ydata().tolist() for line in axes.get_lines()}
    assert lines == {
        way: [schedule.seconds / 3600 for schedule in of.values()] for way, of in found.items()
    }
    assert cluster.table(STUDY).frame.shape == (4, 4)
    single, whole = found.values()
    assert f"{whole[100].seconds / single[100].seconds:.1f} times" in repr(cluster.finding(STUDY))
