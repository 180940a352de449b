"""MindSpore behind the framework contract: the same vocabulary as torch on top of MindSpore's cells."""
