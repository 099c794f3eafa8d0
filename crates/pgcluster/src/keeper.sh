# The keeper: makes a PostgreSQL cluster, says that it is ready, and takes it away when its standard input ends.
# Its input is a pipe that only the program which started it holds open. However that program ends, even by SIGKILL,
# the kernel closes the pipe, so nothing is left behind and nobody has to watch a process id.
# Takes: PROGRAMS (directory of initdb and pg_ctl), PORT, PASSWORD. Says: `ready DIRECTORY`, or what went wrong.
set -u
exec 2>&1
directory=$(mktemp -d "${TMPDIR:-/tmp}/bonded-pg-XXXXXX" 2>/dev/null || mktemp -d /tmp/bonded-pg-XXXXXX) || exit 1

take_away() {
    "$PROGRAMS/pg_ctl" -D "$directory/data" -m immediate -w stop >/dev/null 2>&1
    rm -rf "$directory"
}
trap take_away EXIT
# PIPE: the program may be gone before it can hear that the cluster is ready.
trap 'exit 1' HUP INT PIPE TERM

refuse() {
    tail -n 20 "$directory/log"
    exit 1
}

printf '%s' "$PASSWORD" >"$directory/password"
# --no-sync: a cluster that is half made when the power fails is made again.
"$PROGRAMS/initdb" -D "$directory/data" -U bonded --pwfile="$directory/password" --no-sync \
    --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C >>"$directory/log" 2>&1 || refuse
"$PROGRAMS/pg_ctl" -D "$directory/data" -l "$directory/log" -w -t 60 \
    -o "-h 127.0.0.1 -p $PORT -k '$directory' -c max_connections=200 -c fsync=on" start >/dev/null 2>&1 || refuse

echo "ready $directory"
exec >/dev/null 2>&1
read -r _
exit 0
