"""Raw Azure log records, built exactly as Azure Monitor sends them over Event Hubs."""
