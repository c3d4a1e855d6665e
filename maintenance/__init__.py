"""Scripts for whoever works on this repository; none of it is shipped."""
