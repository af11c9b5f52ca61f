package dlt645

// table1997 holds the identifiers of the 1997 edition, written as table2007 is.
var table1997 = []byte(`
# Energy: now, last month, the month before.
*9000 byTariff97 XXXXXX.XX kWh combined active energy
 9010 byTariff97 XXXXXX.XX kWh forward active energy
 9020 byTariff97 XXXXXX.XX kWh reverse active energy
 9110 byTariff97 XXXXXX.XX kvarh forward reactive energy
 9120 byTariff97 XXXXXX.XX kvarh reverse reactive energy
 9130 byTariff97 XXXXXX.XX kvarh quadrant I reactive energy~1997
 9140 byTariff97 XXXXXX.XX kvarh quadrant IV reactive energy~1997
 9150 byTariff97 XXXXXX.XX kvarh quadrant II reactive energy~1997
 9160 byTariff97 XXXXXX.XX kvarh quadrant III reactive energy~1997
 9410 byTariff97 XXXXXX.XX kWh last month's forward active energy
 9420 byTariff97 XXXXXX.XX kWh last month's reverse active energy
 9510 byTariff97 XXXXXX.XX kvarh last month's forward reactive energy
 9520 byTariff97 XXXXXX.XX kvarh last month's reverse reactive energy
 9530 byTariff97 XXXXXX.XX kvarh last month's quadrant I reactive energy
 9540 byTariff97 XXXXXX.XX kvarh last month's quadrant IV reactive energy
 9550 byTariff97 XXXXXX.XX kvarh last month's quadrant II reactive energy
 9560 byTariff97 XXXXXX.XX kvarh last month's quadrant III reactive energy
 9810 byTariff97 XXXXXX.XX kWh forward active energy of the month before last
 9820 byTariff97 XXXXXX.XX kWh reverse active energy of the month before last
 9910 byTariff97 XXXXXX.XX kvarh forward reactive energy of the month before last
 9920 byTariff97 XXXXXX.XX kvarh reverse reactive energy of the month before last
 9930 byTariff97 XXXXXX.XX kvarh quadrant I reactive energy of the month before last
 9940 byTariff97 XXXXXX.XX kvarh quadrant IV reactive energy of the month before last
 9950 byTariff97 XXXXXX.XX kvarh quadrant II reactive energy of the month before last
 9960 byTariff97 XXXXXX.XX kvarh quadrant III reactive energy of the month before last
# Maximum demand: now, last month, the month before.
 A010 byTariff97 XX.XXXX kW forward active maximum demand
 A020 byTariff97 XX.XXXX kW reverse active maximum demand
 A110 byTariff97 XX.XXXX kvar forward reactive maximum demand
 A120 byTariff97 XX.XXXX kvar reverse reactive maximum demand
 A130 byTariff97 XX.XXXX kvar quadrant I reactive maximum demand
 A140 byTariff97 XX.XXXX kvar quadrant IV reactive maximum demand
 A150 byTariff97 XX.XXXX kvar quadrant II reactive maximum demand
 A160 byTariff97 XX.XXXX kvar quadrant III reactive maximum demand
 A410 byTariff97 XX.XXXX kW last month's forward active maximum demand
 A420 byTariff97 XX.XXXX kW last month's reverse active maximum demand
 A510 byTariff97 XX.XXXX kvar last month's forward reactive maximum demand
 A520 byTariff97 XX.XXXX kvar last month's reverse reactive maximum demand
 A530 byTariff97 XX.XXXX kvar last month's quadrant I reactive maximum demand
 A540 byTariff97 XX.XXXX kvar last month's quadrant IV reactive maximum demand
 A550 byTariff97 XX.XXXX kvar last month's quadrant II reactive maximum demand
 A560 byTariff97 XX.XXXX kvar last month's quadrant III reactive maximum demand
 A810 byTariff97 XX.XXXX kW forward active maximum demand of the month before last
 A820 byTariff97 XX.XXXX kW reverse active maximum demand of the month before last
 A910 byTariff97 XX.XXXX kvar forward reactive maximum demand of the month before last
 A920 byTariff97 XX.XXXX kvar reverse reactive maximum demand of the month before last
 A930 byTariff97 XX.XXXX kvar quadrant I reactive maximum demand of the month before last
 A940 byTariff97 XX.XXXX kvar quadrant IV reactive maximum demand of the month before last
 A950 byTariff97 XX.XXXX kvar quadrant II reactive maximum demand of the month before last
 A960 byTariff97 XX.XXXX kvar quadrant III reactive maximum demand of the month before last
# Its time: now, last month, the month before.
 B010 byTariff97 MMDDhhmm - time of the forward active maximum demand
 B020 byTariff97 MMDDhhmm - time of the reverse active maximum demand
 B110 byTariff97 MMDDhhmm - time of the forward reactive maximum demand
 B120 byTariff97 MMDDhhmm - time of the reverse reactive maximum demand
 B130 byTariff97 MMDDhhmm - time of the quadrant I reactive maximum demand
 B140 byTariff97 MMDDhhmm - time of the quadrant IV reactive maximum demand
 B150 byTariff97 MMDDhhmm - time of the quadrant II reactive maximum demand
 B160 byTariff97 MMDDhhmm - time of the quadrant III reactive maximum demand
 B410 byTariff97 MMDDhhmm - time of last month's forward active maximum demand
 B420 byTariff97 MMDDhhmm - time of last month's reverse active maximum demand
 B510 byTariff97 MMDDhhmm - time of last month's forward reactive maximum demand
 B520 byTariff97 MMDDhhmm - time of last month's reverse reactive maximum demand
 B530 byTariff97 MMDDhhmm - time of last month's quadrant I reactive maximum demand
 B540 byTariff97 MMDDhhmm - time of last month's quadrant IV reactive maximum demand
 B550 byTariff97 MMDDhhmm - time of last month's quadrant II reactive maximum demand
 B560 byTariff97 MMDDhhmm - time of last month's quadrant III reactive maximum demand
 B810 byTariff97 MMDDhhmm - time of the forward active maximum demand of the month before last
 B820 byTariff97 MMDDhhmm - time of the reverse active maximum demand of the month before last
 B910 byTariff97 MMDDhhmm - time of the forward reactive maximum demand of the month before last
 B920 byTariff97 MMDDhhmm - time of the reverse reactive maximum demand of the month before last
 B930 byTariff97 MMDDhhmm - time of the quadrant I reactive maximum demand of the month before last
 B940 byTariff97 MMDDhhmm - time of the quadrant IV reactive maximum demand of the month before last
 B950 byTariff97 MMDDhhmm - time of the quadrant II reactive maximum demand of the month before last
 B960 byTariff97 MMDDhhmm - time of the quadrant III reactive maximum demand of the month before last
# Variables and counts.
 B210 single MMDDhhmm - last programming
 B211 single MMDDhhmm - last demand reset
 B212 single NNNN - programming count~1997
 B213 single NNNN - demand reset count~1997
 B214 single NNNNNN min battery working time
 B310 byTotal97 NNNN - phase loss count~1997
 B320 byTotal97 NNNNNN min phase loss duration
 B330 byTotal97 MMDDhhmm - phase loss begin
 B340 byTotal97 MMDDhhmm - phase loss end
 B610 byPhase97 XXXX V voltage
 B620 byPhase97 XX.XX A current
 B630 byTotal97 XX.XXXX kW active power~momentary
 B634 single XX.XX kW forward active power limit
 B635 single XX.XX kW reverse active power limit
 B640 byTotal97 XX.XX kvar reactive power~momentary
 B650 byTotal97 X.XXX - power factor
# Some vendors have the frequency here, others the phase angle, so that
# nothing but what a grid can have is taken for one.
*B660 single XX.XX[45-65] Hz frequency
# Parameters.
 C010 single YYMMDDWW - date
 C011 single hhmmss - time
 C020 single B8 - meter status word
 C021 single B8 - grid status word
 C022 single B8 - weekend word~1997
 C030 single NNNNNN imp/kWh active meter constant
 C031 single NNNNNN imp/kvarh reactive meter constant
 C032 single N12 - meter number
 C033 single N12 - user number
 C034 single N12 - device code
 C111 single NN min maximum demand period
 C112 single NN min sliding time
 C113 single NN s display: seconds a screen~1997
 C114 single NN s display: seconds of a stop
 C115 single NN - display: decimals of energies
 C116 single NN - display: decimals of powers~1997
 C117 single DDhh - settlement day~1997
 C118 single NN - load representative day
 C119 single XXXXXXX.X kWh active start energy
 C11A single XXXXXXX.X kvarh reactive start energy
 C211 single NNNN ms pulse width
 C212 single O4 - password
 C310 single NN - number of year zones
 C311 single NN - number of day tables
 C312 single NN - number of day periods
 C313 single NN - number of tariffs
 C314 single NN - number of holidays
 C320 byNumber97 MMDDNN - time zone
 C330 byNumber97 hhmmNN - day table 1 period
 C340 byNumber97 hhmmNN - day table 2 period
 C350 byNumber97 hhmmNN - day table 3 period
 C360 byNumber97 hhmmNN - day table 4 period
 C370 byNumber97 hhmmNN - day table 5 period
 C380 byNumber97 hhmmNN - day table 6 period
 C390 byNumber97 hhmmNN - day table 7 period
 C3A0 byNumber97 hhmmNN - day table 8 period
 C410 byHoliday97 MMDDNN - holiday~1997
 C41E single NN - weekend day table
 C510 single MMDDhhmm - load record start
 C511 single NNNN min load record interval
`)
