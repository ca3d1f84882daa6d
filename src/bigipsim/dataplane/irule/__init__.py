"""iRules: read and checked when they are saved, run in a Tcl interpreter when traffic comes."""
