"""A background daemon that turns a shared folder into a transcription service."""
