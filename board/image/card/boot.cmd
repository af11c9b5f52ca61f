# What U-Boot runs: it chooses a slot and starts its kernel. This script is
# written when the card is flashed, and never again; U-Boot's own environment
# is not used, since each board keeps it elsewhere or not at all.
#
# Sectors that are read here, each of 512 bytes: text for `env import -t`, and a
# CRC-32 in the last four.
#   1800 1c00  the state: m_seq m_slot m_trial. The newer good one counts. Only
#              meterd writes it, into the older one.
#   1900 1b00  what slot a and slot b hold: m_fit m_boot m_args, a FIT image with
#              a kernel, whose hashes bootm checks. Only meterd writes them.
#   1a00-1a02  the attempts, each a copy of the state under which m_trial was
#              started. Only this script writes them. Three copies of the state
#              that counts are three attempts, and m_slot starts.
# There is no arithmetic, since not every U-Boot has it. Addresses are of
# memory that a kernel is not yet in.
setenv fdt_high
setenv initrd_high
setenv s_seq 0
setenv s_at
setenv s_slot a
setenv s_trial
for at in 1800 1c00; do
	if ${devtype} read @RAM@0000 ${at} 1; then
		crc32 @RAM@0000 1fc @RAM@0400
		if cmp.b @RAM@01fc @RAM@0400 4; then
			setenv m_seq 0
			env import -t @RAM@0000 1fc m_seq m_slot m_trial
			if itest 0x${m_seq} -gt 0x${s_seq}; then
				setenv s_seq ${m_seq}
				setenv s_slot ${m_slot}
				setenv s_trial ${m_trial}
				setenv s_at ${at}
			fi
		fi
	fi
done

setenv s_go
if test "${s_trial}" = a -o "${s_trial}" = b; then
	if ${devtype} read @RAM@0000 ${s_at} 1; then
		for n in 1a00 1a01 1a02; do
			if test -z "${s_go}"; then
				if ${devtype} read @RAM@0200 ${n} 1; then
					if cmp.b @RAM@0000 @RAM@0200 200; then
						echo "meterd: slot ${s_trial} was tried before"
					else
						if ${devtype} write @RAM@0000 ${n} 1; then
							if ${devtype} read @RAM@0200 ${n} 1; then
								if cmp.b @RAM@0000 @RAM@0200 200; then
									setenv s_go ${s_trial}
								fi
							fi
						fi
					fi
				fi
			fi
		done
	fi
fi
# A slot whose kernel is damaged is passed over: the other is better than none.
if test "${s_slot}" = b; then
	setenv s_order "${s_go} b a"
else
	setenv s_order "${s_go} a b"
fi

for s in ${s_order}; do
	if test "${s}" = b; then
		setenv s_head 1b00
	else
		setenv s_head 1900
	fi
	setenv s_word
	if test "${s}" = "${s_go}"; then
		setenv s_word " meterd.trial"
	fi
	if ${devtype} read @RAM@0000 ${s_head} 1; then
		crc32 @RAM@0000 1fc @RAM@0400
		if cmp.b @RAM@01fc @RAM@0400 4; then
			env import -t @RAM@0000 1fc m_fit m_boot m_args
			if ${devtype} read ${kernel_addr_r} ${m_fit} ${m_boot}; then
				echo "meterd: slot ${s}"
				setenv bootargs "${m_args} meterd.slot=${s}${s_word}"
				@BOOT@
			fi
		fi
	fi
	echo "meterd: slot ${s} does not start"
done
# Perhaps the card answers better next time.
sleep 10
reset
