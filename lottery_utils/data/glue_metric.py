"""GLUE's metrics as an `evaluate.Metric` that needs no network, from `lottery_utils.metrics`.

evaluate.load("lottery_utils/data/glue_metric.py", "STS-B")
"""

# One import a line: evaluate reads this file with a parser of its own.
import datasets
import evaluate

from lottery_utils import metrics, tasks


class GlueMetric(evaluate.Metric):  # type: ignore[misc]
    """All metrics of one task, chosen by the configuration's name (`CoLA`, `SST-2`, ...)."""

    def _info(self) -> evaluate.MetricInfo:
        task = tasks.get_task(self.config_name)
        kind = "float32" if task.is_graded else "int64"
        return evaluate.MetricInfo(
            description=f"The metrics of {task.name}: {', '.join(task.metrics)}.",
            citation="Wang et al. (2019), GLUE",
            features=datasets.Features(
                {"predictions": datasets.Value(kind), "references": datasets.Value(kind)}
            ),
        )

    def _compute(self, predictions: list[float], references: list[float]) -> dict[str, float | str]:
        """Every metric by name, and `undefined`, a sentence, where one has no value."""
        scores: dict[str, float | str] = {}
        reasons = []
        for metric in tasks.get_task(self.config_name).metrics:
            scores[metric] = metrics.score(metric, predictions, references)
            reason = metrics.undefined(metric, predictions, references)
            if reason:
                reasons.append(f"{metric} is undefined and counts as 0: {reason}")
        if reasons:
            scores["undefined"] = "; ".join(reasons) + "."
        return scores
