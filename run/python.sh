# Sourced by the commands in bin/: puts a Python of 3.11 or newer into $python, or ends with one line.
python=
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Sluice needs Python 3.11 or newer; there is none on PATH." >&2
    exit 1
fi
