"""Many runs that differ in a few fields, as one job."""
