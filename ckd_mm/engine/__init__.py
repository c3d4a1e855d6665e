"""One run: its terms, its schedules, and the distiller that adds their losses."""
