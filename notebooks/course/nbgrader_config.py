"""The settings of nbgrader for the exercises; `make handouts` puts them where it runs."""

c = get_config()  # noqa: F821  # nbgrader defines it
c.CourseDirectory.course_id = "tickets"
c.CourseDirectory.source_directory = "key"
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}
c.Execute.timeout = 600  # seconds a cell
