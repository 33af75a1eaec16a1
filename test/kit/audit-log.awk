# Counts what is in a log of the audit daemon, independently of landward: by patterns over whole lines.
# A line claims to be Landlock's by its type; one that claims it and has no known form is malformed.

BEGIN {
	byte = "[0-9A-F][0-9A-F]"
	# Text in hexadecimal has at least one byte that quotes could not hold.
	hex = "(" byte ")*([01][0-9A-F]|20|22|7F|[89A-F][0-9A-F])(" byte ")*"
	text = "(\"[^\" ]*\"|" hex ")"
	word = "[a-z][a-z0-9_]*(\\.[a-z0-9_]+)?"
	fs = "fs\\.[a-z0-9_]+(,fs\\.[a-z0-9_]+)*"
	net = "net\\.[a-z0-9_]+(,net\\.[a-z0-9_]+)*"
	head = "^type=LANDLOCK_ACCESS msg=audit\\([0-9]+\\.[0-9][0-9][0-9]:[0-9]+\\): domain=[0-9a-f]+ blockers="
	file = "( dev=" text " ino=[0-9]+( ioctlcmd=0x[0-9a-f]+)?)?"
	address = "[0-9a-f:.][0-9a-f:.]+"
	form[1] = head fs " path=" text file " *$"
	form[2] = head net "( (laddr|faddr|saddr|daddr)=" address "| (lport|fport|src|dest)=[0-9]+)* *$"
	form[3] = head "(ptrace|scope\\.signal) opid=[0-9]+ ocomm=" text " *$"
	form[4] = head "scope\\.abstract_unix_socket path=00(" byte ")* *$"
	domain = "^type=LANDLOCK_DOMAIN msg=audit\\([0-9]+\\.[0-9][0-9][0-9]:[0-9]+\\): domain=[0-9a-f]+ status="
	named = domain "allocated mode=[a-z]+ pid=[0-9]+ uid=[0-9]+ exe=(" text "|\\(null\\)) comm=" text " *$"
	freed = domain "deallocated denials=[0-9]+ *$"
	count["denials"] = count["malformed"] = count["named"] = count["freed"] = 0
}

!/^type=(LANDLOCK_|142[34]|UNKNOWN\[142[34]\])/ { next }

$0 ~ form[1] || $0 ~ form[2] || $0 ~ form[3] || $0 ~ form[4] {
	count["denials"]++
	match($0, /blockers=[^ ]*/)
	size = split(substr($0, RSTART + 9, RLENGTH - 9), rights, ",")
	for (i = 1; i <= size; i++) count[rights[i]]++
	next
}

$0 ~ named { count["named"]++; next }
$0 ~ freed { count["freed"]++; next }
{ count["malformed"]++ }

END { for (name in count) print name, count[name] }
