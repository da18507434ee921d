"""Print two runs of ten_steps.py side by side; fail where losses differ by 1e-4."""

import json
import sys
from pathlib import Path

here, there = (json.loads(Path(name).read_text()) for name in sys.argv[1:])
if there["machine"] != "aarch64":
    sys.exit(f"expected a run on aarch64, got {there['machine']}")
pairs = list(zip(here["losses"], there["losses"]))
print(f"step {here['machine']:>10} {there['machine']:>10}")
for step, (a, b) in enumerate(pairs, 1):
    print(f"{step:4} {a:10.6f} {b:10.6f}")
largest = max(abs(a - b) for a, b in pairs)
falls = here["losses"][-1] < here["losses"][0]
print(f"{len(pairs)} steps, largest difference {largest:.1e}, the loss falls: {falls}")
sys.exit(len(pairs) != 10 or largest > 1e-4 or not falls)
