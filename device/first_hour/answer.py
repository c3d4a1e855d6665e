"""Answer one question, in this process: what `running.ask` starts.

    python -m device.first_hour.answer MODULE:FUNCTION JSON WORK OUT DRY [ARGUMENT ...]

The file JSON gets the state and the text; all that is printed is the log.
"""

from __future__ import annotations

import importlib
import json
import signal
import sys
import traceback
from pathlib import Path

from device.first_hour.places import Run

__all__: list[str] = []


def main() -> None:
    # A background job of a shell starts with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    path, written, work, out, dry, *arguments = sys.argv[1:]
    module, function = path.split(':')
    run = Run(Path(work), Path(out), dry == '1')
    try:
        text = getattr(importlib.import_module(module), function)(run, *arguments)
        state = 'ok'
    except Exception as error:  # whatever it is, it is the answer
        traceback.print_exc()
        state, text = 'FAILED', f'{type(error).__name__}: {error}'
    print(text)
    Path(written).write_text(json.dumps([state, text]))


if __name__ == '__main__':
    main()
