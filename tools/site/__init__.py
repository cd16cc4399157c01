"""The documentation site: the files of docs/, and pages made from the tables."""
