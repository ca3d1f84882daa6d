"""One file for each type of key; each exports its composer as COMPOSER."""
