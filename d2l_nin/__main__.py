from d2l_nin.cli import main

main(prog_name="python -m d2l_nin")
