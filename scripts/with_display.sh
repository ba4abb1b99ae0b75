#!/bin/sh
# Run a command with a display: the one at hand, else a virtual one (Xvfb).
set -eu

if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname -s)" != Linux ]; then
    exec "$@"
fi
if command -v xvfb-run >/dev/null 2>&1; then
    export LIBGL_ALWAYS_SOFTWARE=1
    exec xvfb-run --auto-servernum --server-args="-screen 0 1600x1000x24" "$@"
fi
echo "No display and no xvfb-run: 'scripts/system_packages.sh' tells what to install." >&2
exit 1
