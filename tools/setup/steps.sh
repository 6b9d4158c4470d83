# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What tools/quickstart and tests/run share: steps with a name, a log and a
# time; Debian packages; Python environments.  Sourced, never run.
# The caller sets: fp_logs (folder for logs), fp_name (prefix of messages).
# shellcheck disable=SC2034,SC2154 # names that cross the files

# Debian packages by purpose.  FP_PACKAGES_BUILD is what CMake looks for.
FP_PACKAGES_BUILD=(
	binutils ca-certificates cmake dpkg-dev gcc g++ libc6-dev make ninja-build pkg-config xz-utils
	libcjson-dev libdw-dev libelf-dev libjemalloc-dev liblz4-dev zlib1g-dev
)
FP_PACKAGES_FILARE=(
	fonts-dejavu-core graphviz libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 python3 python3-venv
)

# fail WHAT: one line on stderr, status 1.
fail()
{
	printf '%s: %s\n' "$fp_name" "$1" >&2
	exit 1
}

seconds_since()
{
	local now=${EPOCHREALTIME/[.,]/}
	local tenths=$(((now - $1) / 100000))
	printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# step NAME COMMAND…: runs it with its output in a log; prints name and time.
# On a terminal the running seconds show; a failure names the log's last line.
step()
{
	local name=$1 begin=${EPOCHREALTIME/[.,]/} log status=0 pid last
	shift
	log=$fp_logs/${name//[^A-Za-z0-9.]/-}.log
	# In the background, so that errexit holds inside a shell function too.
	"$@" >"$log" 2>&1 &
	pid=$!
	while [ -t 1 ] && kill -0 "$pid" 2>/dev/null; do
		printf '\r%s: %s … %s s\033[K' "$fp_name" "$name" "$(seconds_since "$begin")"
		sleep 0.2
	done
	wait "$pid" || status=$?
	[ ! -t 1 ] || printf '\r\033[K'
	if [ "$status" -ne 0 ]; then
		last=$(grep -E '^(E|ERROR|error): |: (fatal )?error: |undefined reference' "$log" | head -n 1) ||
			last=$(grep -v '^[[:space:]]*$' "$log" | tail -n 1) || last="no output"
		fail "$name failed with status $status: ${last#"${last%%[![:space:]]*}"} (all of it: $log)"
	fi
	printf '%s: %s (%s s)\n' "$fp_name" "$name" "$(seconds_since "$begin")"
}

# debian_missing PACKAGE…: prints those that are not installed.
debian_missing()
{
	local package
	for package in "$@"; do
		# shellcheck disable=SC2016 # dpkg-query's own variables
		case $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) in
		installed) ;;
		*) printf '%s\n' "$package" ;;
		esac
	done
}

debian_apt()
{
	export DEBIAN_FRONTEND=noninteractive
	apt-get update && apt-get install --yes --no-install-recommends "$@"
}

# debian_install PACKAGE…: installs what is missing.  Without root it prints
# the one command to run as root, and stops.
debian_install()
{
	local missing
	command -v dpkg-query >/dev/null || fail "this needs Debian 12 or a newer Debian (no dpkg-query here)"
	mapfile -t missing < <(debian_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		printf '%s: packages are missing; run this as root, then run %s again:\n' "$fp_name" "$fp_name" >&2
		printf 'apt-get update && apt-get install --yes --no-install-recommends %s\n' "${missing[*]}" >&2
		exit 1
	fi
	step "install ${#missing[@]} Debian packages" debian_apt "${missing[@]}"
}

# venv_python: prints a Python >= 3.9 that can make virtual environments: the
# one in PATH if it can, else Debian's.
venv_python()
{
	local python
	for python in python3 /usr/bin/python3; do
		command -v "$python" >/dev/null || continue
		if "$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then
			"$python" -c 'import sys; print(sys.executable)'
			return 0
		fi
	done
	return 1
}

# venv_make DIRECTORY PYTHON REQUIREMENT…: a private environment, made again
# when the requirements or the Python change.
venv_make()
{
	local directory=$1 python=$2 wanted
	shift 2
	wanted="$("$python" -V) $*"
	[ "$(cat "$directory/.wanted" 2>/dev/null)" != "$wanted" ] || return 0
	rm -rf "$directory"
	mkdir -p "${directory%/*}"
	"$python" -m venv "$directory"
	"$directory/bin/python" -m pip --disable-pip-version-check install --quiet "$@"
	printf '%s\n' "$wanted" >"$directory/.wanted"
}
