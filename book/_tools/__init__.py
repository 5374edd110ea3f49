"""What makes the two commands work: environments, execution of the chapters, rendering, serving, artwork."""
