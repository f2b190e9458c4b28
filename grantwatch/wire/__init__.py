"""From bytes to records, and from records to the events that detectors see."""
