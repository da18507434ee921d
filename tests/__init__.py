# Stored figures are of this version of matplotlib; others draw the same in other bytes.
DRAWN_BY = "3.7.2"
