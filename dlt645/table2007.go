package dlt645

// table2007 holds the identifiers of the 2007 edition, Appendix A, in the
// order of their codes, a row a line:
//
//	mark and code of the first member, with 0 for what varies
//	what varies, one of schemeNames
//	the format, see parseFormat
//	the unit, - for none
//	the name in English, as words writes it; testdata/chinese.txt has the Chinese
//
// Marked with + is what came with State Grid's additions, with * what is in one
// vendor's table alone. It is bytes and not a string so that it stands among the
// variables of the program, where there is room: what else a board's program
// holds is read-only.
var table2007 = []byte(`
# A.1 Energy.
 00000000 byTariff ±XXXXXX.XX kWh combined active energy
 00010000 byTariff XXXXXX.XX kWh forward active energy
 00020000 byTariff XXXXXX.XX kWh reverse active energy
 00030000 byTariff ±XXXXXX.XX kvarh combined reactive energy 1
 00040000 byTariff ±XXXXXX.XX kvarh combined reactive energy 2
 00050000 byTariff XXXXXX.XX kvarh quadrant I reactive energy
 00060000 byTariff XXXXXX.XX kvarh quadrant II reactive energy
 00070000 byTariff XXXXXX.XX kvarh quadrant III reactive energy
 00080000 byTariff XXXXXX.XX kvarh quadrant IV reactive energy
 00090000 byTariff XXXXXX.XX kVAh forward apparent energy
 000A0000 byTariff XXXXXX.XX kVAh reverse apparent energy
+000B0000 single XXXXXX.XX kWh energy of this billing period
+000B0001 single XXXXXX.XX kWh energy of the last billing period
+000C0000 single XXXXXX.XX kWh energy of this month
 00150000 byPhase14 XXXXXX.XX kWh forward active energy
 00160000 byPhase14 XXXXXX.XX kWh reverse active energy
 00170000 byPhase14 ±XXXXXX.XX kvarh combined reactive energy 1
 00180000 byPhase14 ±XXXXXX.XX kvarh combined reactive energy 2
 00190000 byPhase14 XXXXXX.XX kvarh quadrant I reactive energy
 001A0000 byPhase14 XXXXXX.XX kvarh quadrant II reactive energy
 001B0000 byPhase14 XXXXXX.XX kvarh quadrant III reactive energy
 001C0000 byPhase14 XXXXXX.XX kvarh quadrant IV reactive energy
 001D0000 byPhase14 XXXXXX.XX kVAh forward apparent energy
 001E0000 byPhase14 XXXXXX.XX kVAh reverse apparent energy
 00800000 byPast14 ±XXXXXX.XX kWh associated energy~total
 00810000 byPast14 XXXXXX.XX kWh forward fundamental energy~total
 00820000 byPast14 XXXXXX.XX kWh reverse fundamental energy~total
 00830000 byPast14 XXXXXX.XX kWh forward harmonic energy~total
 00840000 byPast14 XXXXXX.XX kWh reverse harmonic energy~total
 00850000 byPast14 XXXXXX.XX kWh copper loss energy~total
 00860000 byPast14 XXXXXX.XX kWh iron loss energy~total
 00900100 single XXXXXX.XX kWh energy left
 00900101 single XXXXXX.XX kWh energy overdrawn
 00900200 single XXXXXX.XX yuan money left
 00900201 single XXXXXX.XX yuan money overdrawn
 00940000 byPhase14 ±XXXXXX.XX kWh associated energy
 00950000 byPhase14 XXXXXX.XX kWh forward fundamental energy
 00960000 byPhase14 XXXXXX.XX kWh reverse fundamental energy
 00970000 byPhase14 XXXXXX.XX kWh forward harmonic energy
 00980000 byPhase14 XXXXXX.XX kWh reverse harmonic energy
 00990000 byPhase14 XXXXXX.XX kWh copper loss energy
 009A0000 byPhase14 XXXXXX.XX kWh iron loss energy
# A.2 Maximum demand and the time of its occurrence.
 01010000 byTariff XX.XXXX+YYMMDDhhmm kW forward active maximum demand
 01020000 byTariff XX.XXXX+YYMMDDhhmm kW reverse active maximum demand
 01030000 byTariff ±XX.XXXX+YYMMDDhhmm kvar combined reactive 1 maximum demand
 01040000 byTariff ±XX.XXXX+YYMMDDhhmm kvar combined reactive 2 maximum demand
 01050000 byTariff XX.XXXX+YYMMDDhhmm kvar quadrant I maximum demand
 01060000 byTariff XX.XXXX+YYMMDDhhmm kvar quadrant II maximum demand
 01070000 byTariff XX.XXXX+YYMMDDhhmm kvar quadrant III maximum demand
 01080000 byTariff XX.XXXX+YYMMDDhhmm kvar quadrant IV maximum demand
 01090000 byTariff XX.XXXX+YYMMDDhhmm kVA forward apparent maximum demand
 010A0000 byTariff XX.XXXX+YYMMDDhhmm kVA reverse apparent maximum demand
 01150000 byPhase14 XX.XXXX+YYMMDDhhmm kW forward active maximum demand
 01160000 byPhase14 XX.XXXX+YYMMDDhhmm kW reverse active maximum demand
 01170000 byPhase14 ±XX.XXXX+YYMMDDhhmm kvar combined reactive 1 maximum demand
 01180000 byPhase14 ±XX.XXXX+YYMMDDhhmm kvar combined reactive 2 maximum demand
 01190000 byPhase14 XX.XXXX+YYMMDDhhmm kvar quadrant I maximum demand
 011A0000 byPhase14 XX.XXXX+YYMMDDhhmm kvar quadrant II maximum demand
 011B0000 byPhase14 XX.XXXX+YYMMDDhhmm kvar quadrant III maximum demand
 011C0000 byPhase14 XX.XXXX+YYMMDDhhmm kvar quadrant IV maximum demand
 011D0000 byPhase14 XX.XXXX+YYMMDDhhmm kVA forward apparent maximum demand
 011E0000 byPhase14 XX.XXXX+YYMMDDhhmm kVA reverse apparent maximum demand
# A.3 Variables.
 02010000 byPhase XXX.X V voltage
 02020000 byPhase ±XXX.XXX/4 A current
 02030000 byTotal ±XX.XXXX/4 kW active power
 02040000 byTotal ±XX.XXXX/4 kvar reactive power
 02050000 byTotal ±XX.XXXX/4 kVA apparent power
 02060000 byTotal ±X.XXX - power factor
 02070000 byPhase XXX.X deg phase angle
 02080000 byPhase XX.XX % voltage distortion
 02090000 byPhase XX.XX % current distortion
 020A0000 byOrder XX.XX % voltage harmonic
 020B0000 byOrder XX.XX % current harmonic
 02800001 single ±XXX.XXX/2 A neutral current
 02800002 single XX.XX Hz frequency
 02800003 single ±XX.XXXX kW one-minute average active power
 02800004 single ±XX.XXXX kW present active demand
 02800005 single ±XX.XXXX kvar present reactive demand
 02800006 single ±XX.XXXX kVA present apparent demand
 02800007 single ±XXX.X degC temperature in the meter
 02800008 single XX.XX V clock battery voltage
 02800009 single XX.XX V reading battery voltage
 0280000A single NNNNNNNN min internal battery working time
+0280000B single XXXX.XXXX yuan/kWh present step price
+02800020 single XXXX.XXXX yuan/kWh present price
+02800021 single XXXX.XXXX yuan/kWh present tariff price
+02800022 single NNNN min identity authentication time left
+02800023 single NN min infrared authentication time left
*02920200 single ±XXXXX.X A A-phase current, high range
*02920300 single ±XXXXX.X A B-phase current, high range
*02920400 single ±XXXXX.X A C-phase current, high range
*02930000 byTotal ±XXXX.XX kW active power, high range
*02940000 byTotal ±XXXX.XX kvar reactive power, high range
*02950000 byTotal ±XXXX.XX kVA apparent power, high range
*02A30000 byTotal ±XXXX.XXXX kW active power, high range
*02A40000 byTotal ±XXXX.XXXX kvar reactive power, high range
*02A50000 byTotal ±XXXX.XXXX kVA apparent power, high range
# A.4 Event counts. The records are in records2007.
 03110000 single NNNNNN - power-off count
 03300000 single NNNNNN - programming count
 03300100 single NNNNNN - meter clear count
 03300200 single NNNNNN - demand reset count
 03300300 single NNNNNN - event clear count
 03300400 single NNNNNN - clock set count
 03300500 single NNNNNN - day-period table programming count
 03300600 single NNNNNN - time-zone table programming count
 03300700 single NNNNNN - weekend programming count
 03300800 single NNNNNN - holiday programming count
 03300900 single NNNNNN - active combination programming count
 03300A00 single NNNNNN - reactive combination 1 programming count
 03300B00 single NNNNNN - reactive combination 2 programming count
 03300C00 single NNNNNN - settlement day programming count
 03300D00 single NNNNNN - meter cover opened count
 03300E00 single NNNNNN - terminal cover opened count
# Later: purchases of energy and of money.
 03320100 byTen YYMMDDhhmm - energy purchase time
 03320200 byTen NNNN - energy purchase count
 03320300 byTen XXXXXX.XX kWh energy purchased
 03320400 byTen XXXXXX.XX kWh energy left before the purchase
 03320500 byTen XXXXXX.XX kWh energy left after the purchase
 03320600 byTen XXXXXX.XX kWh energy purchased in all
 03330100 byTen YYMMDDhhmm - money purchase time
 03330200 byTen NNNN - money purchase count
 03330300 byTen XXXXXX.XX yuan money purchased
 03330400 byTen XXXXXX.XX yuan money left before the purchase
 03330500 byTen XXXXXX.XX yuan money left after the purchase
 03330600 byTen XXXXXX.XX yuan money purchased in all
+03350000 single NNNNNN - magnetic field count
# A.5 Parameters.
 04000101 single YYMMDDWW - date
 04000102 single hhmmss - time
 04000103 single NN min maximum demand period
 04000104 single NN min sliding time
 04000105 single XXXX ms calibration pulse width
 04000106 single YYMMDDhhmm - switch time of the time-zone tables
 04000107 single YYMMDDhhmm - switch time of the day-period tables
+04000108 single YYMMDDhhmm - switch time of the tariff prices
+04000109 single YYMMDDhhmm - switch time of the step prices
+0400010C single YYMMDDWWhhmmss - date
 04000201 single NN - number of year zones
 04000202 single NN - number of day tables
 04000203 single NN - number of day periods
 04000204 single NN - number of tariffs
 04000205 single NNNN - number of holidays
 04000206 single NN - number of harmonic orders
+04000207 single NN - number of steps
 04000301 single NN - display: screens that scroll
 04000302 single NN s display: seconds a screen
 04000303 single NN - display: decimals of energies
 04000304 single NN - display: decimals of powers
 04000305 single NN - display: screens by key
+04000306 single NNNNNN - current transformer ratio
+04000307 single NNNNNN - voltage transformer ratio
 04000401 single N12 - communication address
 04000402 single N12 - meter number
 04000403 single A32 - asset code
 04000404 single A6 - rated voltage
 04000405 single A6 - rated current
 04000406 single A6 - maximum current
 04000407 single A4 - active accuracy class
 04000408 single A4 - reactive accuracy class
 04000409 single NNNNNN imp/kWh active meter constant
 0400040A single NNNNNN imp/kvarh reactive meter constant
 0400040B single A10 - meter model
 0400040C single A10 - production date
 0400040D single A16 - protocol version
+0400040E single N12 - customer number
 04000500 byWord B16 - status word
 04000601 single B8 - active combination word
 04000602 single B8 - reactive combination word 1
 04000603 single B8 - reactive combination word 2
 04000701 single B8 - baud word, modulated infrared
 04000702 single B8 - baud word, contact infrared
 04000703 single B8 - baud word, port 1
 04000704 single B8 - baud word, port 2
 04000705 single B8 - baud word, port 3
 04000801 single B8 - weekend word
 04000802 single NN - weekend day table
 04000901 single B8 - load record mode word
 04000902 single B8 - timed freeze mode word
 04000903 single B8 - instant freeze mode word
 04000904 single B8 - switch freeze mode word
 04000905 single B8 - hourly freeze mode word
 04000906 single B8 - daily freeze mode word
 04000A01 single MMDDhhmm - load record start
 04000A02 single NNNN min load record interval of class 1
 04000A03 single NNNN min load record interval of class 2
 04000A04 single NNNN min load record interval of class 3
 04000A05 single NNNN min load record interval of class 4
 04000A06 single NNNN min load record interval of class 5
 04000A07 single NNNN min load record interval of class 6
 04000B01 single DDhh - settlement day 1
 04000B02 single DDhh - settlement day 2
 04000B03 single DDhh - settlement day 3
 04000C00 byLevel O4 - password of level
 04000D00 byCoefficient X.XXX - coefficient
 04000E01 single XX.XXXX kW forward active power limit
 04000E02 single XX.XXXX kW reverse active power limit
 04000E03 single XXX.X V voltage upper limit
 04000E04 single XXX.X V voltage lower limit
 04000F01 single XXXXXX.XX kWh alarm energy 1
 04000F02 single XXXXXX.XX kWh alarm energy 2
+04000F03 single XXXXXX.XX kWh hoarded energy limit
+04000F04 single XXXXXX.XX kWh overdrawn energy limit
 04001001 single XXXXXX.XX yuan alarm money 1
 04001002 single XXXXXX.XX yuan alarm money 2
+04001003 single XXXXXX.XX yuan overdrawn money limit
+04001004 single XXXXXX.XX yuan hoarded money limit
+04001005 single XXXXXX.XX yuan money that permits closing
+04001101 single B8 - meter running word
+04001104 single B64 - active report mode word
+04001201 single YYMMDDhhmm - hourly freeze start
+04001202 single NN min hourly freeze interval
+04001203 single hhmm - daily freeze time
+04001301 single O1 - wireless signal
+04001401 single NNNN - trip delay
+04001402 single NNNN - close delay
+04001501 single O - active report status word
+04001503 single O12 - active report reset
 04010000 single MMDDNN# - time-zone table, set 1
 04010000 byNumber hhmmNN# - day table, set 1
 04020000 single MMDDNN# - time-zone table, set 2
 04020000 byNumber hhmmNN# - day table, set 2
 04030000 byNumber YYMMDDNN - holiday
# The number of the screen is missing where there are 4 bytes.
 04040100 byNumber H8/4+NN - scrolled screen
 04040200 byNumber H8/4+NN - screen by key
# Later: prices and steps.
 04050100 byNumber XXXX.XXXX yuan/kWh tariff price, set 1
 04050200 byNumber XXXX.XXXX yuan/kWh tariff price, set 2
 04060000 byNumber XXXXXX.XX kWh step, set 1
 04060100 byNumber XXXX.XXXX yuan/kWh step price, set 1
 04060200 byNumber XXXXXX.XX kWh step, set 2
 04060300 byNumber XXXX.XXXX yuan/kWh step price, set 2
# Later: when an event is one.
+04090101 single XXX.X V loss of voltage: voltage below
+04090102 single XXX.X V loss of voltage: voltage restored above
+04090103 single XX.XXXX A loss of voltage: current above
+04090104 single NN s loss of voltage: delay
+04090201 single XXX.X V under-voltage: voltage below
+04090202 single NN s under-voltage: delay
+04090301 single XXX.X V over-voltage: voltage above
+04090302 single NN s over-voltage: delay
+04090401 single XXX.X V phase loss: voltage below
+04090402 single XX.XXXX A phase loss: current below
+04090403 single NN s phase loss: delay
+04090501 single XX.XX % voltage unbalance: above
+04090502 single NN s voltage unbalance: delay
+04090601 single XX.XX % current unbalance: above
+04090602 single NN s current unbalance: delay
+04090701 single XXX.X V loss of current: voltage above
+04090702 single XX.XXXX A loss of current: current below
+04090703 single XX.XXXX A loss of current: other current above
+04090704 single NN s loss of current: delay
+04090801 single XXX.X A over-current: current above
+04090802 single NN s over-current: delay
+04090901 single XXX.X V broken current: voltage above
+04090902 single XX.XXXX A broken current: current below
+04090903 single NN s broken current: delay
+04090A01 single XX.XXXX kW reverse power flow: active power above
+04090A02 single NN s reverse power flow: delay
+04090B01 single XX.XXXX kW overload: active power above
+04090B02 single NN s overload: delay
+04090C01 single XXX.X V voltage quality: upper limit
+04090C02 single XXX.X V voltage quality: lower limit
+04090D01 single XX.XXXX kW demand exceeded: active demand above
+04090D02 single XX.XXXX kvar demand exceeded: reactive demand above
+04090D03 single NN s demand exceeded: delay
+04090E01 single X.XXX - power factor low: below
+04090E02 single NN s power factor low: delay
+04090F01 single XX.XX % serious current unbalance: above
+04090F02 single NN s serious current unbalance: delay
 04800001 single A - software version
 04800002 single A - hardware version
 04800003 single A - vendor code
# A.6 Freeze. Blocks give the items of the single identifiers.
 05000000 byFreeze YYMMDDhhmm - freeze time
 05000100 byFreeze XXXXXX.XX* kWh freeze forward active energy
 05000200 byFreeze XXXXXX.XX* kWh freeze reverse active energy
 05000300 byFreeze ±XXXXXX.XX* kvarh freeze combined reactive energy 1
 05000400 byFreeze ±XXXXXX.XX* kvarh freeze combined reactive energy 2
 05000500 byFreeze XXXXXX.XX* kvarh freeze quadrant I reactive energy
 05000600 byFreeze XXXXXX.XX* kvarh freeze quadrant II reactive energy
 05000700 byFreeze XXXXXX.XX* kvarh freeze quadrant III reactive energy
 05000800 byFreeze XXXXXX.XX* kvarh freeze quadrant IV reactive energy
 05000900 byFreeze XX.XXXX+YYMMDDhhmm* kW freeze forward active maximum demand
 05000A00 byFreeze XX.XXXX+YYMMDDhhmm* kW freeze reverse active maximum demand
 05040000 byRecord YYMMDDhhmm - hourly freeze time
 05040100 byRecord XXXXXX.XX kWh hourly freeze forward active energy
 05040200 byRecord XXXXXX.XX kWh hourly freeze reverse active energy
 0500FF00 byFreeze FREEZE - freeze block
 0504FF00 byRecord FREEZE - hourly freeze block
# A.7 Load records.
 06000000 byClass LOAD - load record
# Later: what the events of State Grid's meters count for all phases; the
# rest is in eventKinds.
 10000001 single NNNNNN - loss of voltage count
 10000002 single NNNNNN min loss of voltage minutes
 10000101 single YYMMDDhhmmss - last loss of voltage begin
 10000201 single YYMMDDhhmmss - last loss of voltage end
 13000001 single NNNNNN - phase loss count
 13000002 single NNNNNN min phase loss minutes
`)
