"""One step of a job each: functions Job -> Event that hold no journal."""
