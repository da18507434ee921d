from d2l_nin.cli import main
from d2l_nin.course.console import forgive_terminal

forgive_terminal()
main(prog_name="python -m d2l_nin")
