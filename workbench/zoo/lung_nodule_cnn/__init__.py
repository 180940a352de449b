"""YOLOv5: boxes in one pass, from anchors at three resolutions."""
