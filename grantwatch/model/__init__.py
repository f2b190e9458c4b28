"""The vocabulary: values without behaviour beyond their own meaning."""
