package remote

import (
	"strings"
)

// boot is the one command line that a host's list of processes shows: a shell
// that reads a script from its standard input, up to a line with a dot, and
// runs it if all of it has come. What follows is left to the script. It is
// written so that other login shells than sh pass it on as it is.
func boot(sudo string) string {
	const sh = `exec /bin/sh -c 'n=$(printf "\nx");n=${n%x};s=;k=;while IFS= read -r l;do case $l in .)k=1;break;;esac;s=$s${l#?}$n;done;[ "$k" ]||exit 255;eval "$s"'`
	if sudo == "" {
		return sh
	}
	return "exec sudo -n -H -u " + Quote(sudo) + " -- " + strings.TrimPrefix(sh, "exec ")
}

// framed is a script as boot reads it.
func framed(script string) string {
	return "|" + strings.ReplaceAll(script, "\n", "\n|") + "\n.\n"
}

// Quote makes one word of a text for a POSIX shell.
func Quote(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=+./:,@%", r)
	}
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// Prelude begins every script. The words of a script are lines of standard
// error: "begun PID", "again CODE SECONDS", "stopping", and at the last "end WHAT". die
// ends a script that has changed nothing, with the code of the error. What the
// shell itself has to say is nobody's business: standard error is kept as fd 8. unwatch ends what would
// end a command after its time, be it before or after it has a group of its own.
const Prelude = `m=` + markName + `
exec 8>&2 2>/dev/null
say() { printf '%s %s\n' "$m" "$*" >&8; }
die() { say end die "$@"; exit 9; }
now() { date +%s; }
durable() { sync "$@" 2>/dev/null || sync; }
cd 2>/dev/null
start() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
unwatch() { kill -KILL -"$w" || { kill -KILL "$w"; kill -KILL -"$w"; }; }
`

// records keeps the record of an effect: for each attempt N a link N that says
// who has begun it ("run:BOOT:PID:START", or "void"), and a link N.end that says
// how it ended ("exit:CODE:SECONDS", "stopped:SECONDS"). A link is made at once
// or not at all, and by one only. settle answers from the record where an attempt has ended, unless anew is set.
const records = `boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo none)
alive() {
  o=$IFS; IFS=:; set -- $1; IFS=$o
  [ "$2" = "$boot" ] && s=$(start "$3") && [ -n "$s" ] && [ "$s" = "$4" ]
}
past() {
  if ln -s void "$K/$1" 2>/dev/null; then echo void; return; fi
  c=$(readlink "$K/$1") || { echo lost; return; }
  if [ "$c" = void ]; then echo void; return; fi
  u=$(($(now) + patience))
  while :; do
    readlink "$K/$1.end" && return
    alive "$c" || { readlink "$K/$1.end" || echo broken; return; }
    [ "$(now)" -lt "$u" ] || { echo running; return; }
    sleep 0.1 2>/dev/null || sleep 1
  done
}
settle() {
  i=1
  while [ "$i" -le "$1" ]; do
    p=$(past "$i")
    case $p in
      exit:*) [ "$anew" ] || { say again "${p#exit:}"; cat "$K/$i.out"; cat "$K/$i.err" >&8; say end "$p"; exit 0; };;
      running) die running "attempt $i";;
      lost) die lost "its record in $K cannot be written";;
    esac
    i=$((i + 1))
  done
}
K=$S/$k
`

// claim makes this attempt's link; from then on nobody else can.
const claim = `u=$(umask); umask 077
for c in setsid tee mkfifo readlink sed cut; do command -v "$c" >/dev/null 2>&1 || die unsupported "it has no program $c"; done
mkdir -p "$K" 2>/dev/null || die refused "the directory $K for the record cannot be made"
settle $((n - 1))
`

// launch runs the command in a process group of its own, apart from the
// connection: what it writes goes through tee, which goes on when nobody listens
// any more. fd 3 is its standard input, 8 the script's standard error. What ends it
// after its time outlives a script that is killed, and then makes sure that the
// process is still the same.
const launch = `printf '%s\n' "$about" >"$K/about"
ln -s "run:$boot:$$:$(start $$)" "$K/$n" || { [ -h "$K/$n" ] && die void "attempt $n was made void"; die refused "its record cannot be written in $K"; }
durable "$K" "$S"
mkfifo "$K/$n.o" "$K/$n.e" || die failed "no pipe can be made in $K"
(trap '' PIPE HUP; exec tee "$K/$n.out") <"$K/$n.o" 3<&- 8>&- 2>/dev/null & t1=$!
(trap '' PIPE HUP; exec tee "$K/$n.err") <"$K/$n.e" >&8 3<&- 8>&- 2>/dev/null & t2=$!
began=$(now)
(umask "$u"; launched) <&3 3<&- >"$K/$n.o" 2>"$K/$n.e" & p=$!
exec 3<&-
setsid /bin/sh -c 'sleep "$1"; [ "$(sed "s/.*) //" "/proc/$3/stat" | cut -d" " -f20)" = "$5" ] || exit; ln -s stopped "$2"; kill -TERM -"$3"; sleep "$4"; kill -KILL -"$3"' sh "$limit" "$K/$n.stop" "$p" "$grace" "$(start "$p")" </dev/null >/dev/null 2>&1 8>&- & w=$!
wait "$p"; code=$?
took=$(($(now) - began))
unwatch
end=exit:$code:$took
if [ -h "$K/$n.stop" ]; then end=stopped:$took; kill -KILL -"$p" 2>/dev/null; fi
(sleep 1; kill "$t1" "$t2") </dev/null >/dev/null 2>&1 8>&- & z=$!
wait "$t1" "$t2"
kill "$z" 2>/dev/null
ln -s "$end" "$K/$n.end"
durable "$K"
rm -f "$K/$n.o" "$K/$n.e"
say end "$end"
find "$S" -mindepth 2 -maxdepth 2 -type f -mtime +30 -exec rm -f {} + </dev/null >/dev/null 2>&1 8>&-
exit 0
`

// look runs a command that changes nothing: no record is kept.
const look = `began=$(now)
launched <&3 3<&- 2>&8 & p=$!
exec 3<&-
setsid /bin/sh -c 'sleep "$1"; [ "$(sed "s/.*) //" "/proc/$2/stat" | cut -d" " -f20)" = "$4" ] || exit; printf "%s stopping\n" "$0" >&8; kill -TERM -"$2"; sleep "$3"; kill -KILL -"$2"' "$m" "$limit" "$p" "$grace" "$(start "$p")" </dev/null >/dev/null 2>&1 & w=$!
wait "$p"; code=$?
took=$(($(now) - began))
unwatch
say end "exit:$code:$took"
exit 0
`
