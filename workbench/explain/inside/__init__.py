"""Looking inside: layers, preprocessing, features of cases, occluders one by one."""
