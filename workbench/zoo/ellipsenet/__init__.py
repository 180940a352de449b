"""EllipseNet: ellipses as points with axes and an angle, for heart and thorax in fetal ultrasound."""
