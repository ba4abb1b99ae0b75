#!/bin/sh
# Make sure that what Qt, OpenGL and a virtual display need is on this machine.
# Looks for each library first; installs the missing ones with apt-get when run as root,
# otherwise prints the command to run.  Other systems than Debian's family: only a note.
set -eu

[ "$(uname -s)" = Linux ] || exit 0
libraries=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null || true)
missing=""

need_library() { # soname package
    case "$libraries" in *"$1 "*) ;; *) missing="$missing $2" ;; esac
}
need_command() { # command package
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need_file() { # package patterns...
    package=$1
    shift
    for file in "$@"; do
        [ -e "$file" ] && return
    done
    missing="$missing $package"
}

need_library libGL.so.1 libgl1
need_library libGLX_mesa.so.0 libglx-mesa0
need_library libEGL.so.1 libegl1
need_library libEGL_mesa.so.0 libegl-mesa0
need_library libOpenGL.so.0 libopengl0
need_library libgthread-2.0.so.0 libglib2.0-0
need_library libdbus-1.so.3 libdbus-1-3
need_library libfontconfig.so.1 libfontconfig1
need_library libxkbcommon.so.0 libxkbcommon0
need_library libxkbcommon-x11.so.0 libxkbcommon-x11-0
need_library libX11-xcb.so.1 libx11-xcb1
need_library libxcb-cursor.so.0 libxcb-cursor0
need_library libxcb-icccm.so.4 libxcb-icccm4
need_library libxcb-image.so.0 libxcb-image0
need_library libxcb-keysyms.so.1 libxcb-keysyms1
need_library libxcb-randr.so.0 libxcb-randr0
need_library libxcb-render-util.so.0 libxcb-render-util0
need_library libxcb-shape.so.0 libxcb-shape0
need_library libxcb-sync.so.1 libxcb-sync1
need_library libxcb-xfixes.so.0 libxcb-xfixes0
need_library libxcb-xinerama.so.0 libxcb-xinerama0
need_library libxcb-xkb.so.1 libxcb-xkb1
need_file libgl1-mesa-dri /usr/lib/*/dri/swrast_dri.so /usr/lib/*/libgallium*.so
need_file fonts-dejavu-core /usr/share/fonts/*/*/*.ttf /usr/share/fonts/*/*/*.otf
need_command Xvfb xvfb
need_command xauth xauth

[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Qt and OpenGL may need these Debian packages' counterparts on this system:$missing"
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "Qt and OpenGL need system packages that are missing.  Please run:"
    echo "    sudo apt-get install --no-install-recommends$missing"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # a list of packages
apt-get install -y -qq --no-install-recommends $missing
