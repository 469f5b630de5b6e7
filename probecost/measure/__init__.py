"""What is run on a bed: generators, the tool, visits of a case. Raw files and facts only; their meaning is analysis."""
