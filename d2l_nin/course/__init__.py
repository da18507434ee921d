"""What runs the course: its chapters as files, the students' zip, a diagnosis."""
