package dlt645

// table1997 holds the identifiers of the 1997 edition, written as table2007 is.
var table1997 = []byte(`
# Energy: now, last month, the month before.
*9000 byTariff97 XXXXXX.XX kWh combined active energy|组合有功电能
 9010 byTariff97 XXXXXX.XX kWh forward active energy|正向有功电能
 9020 byTariff97 XXXXXX.XX kWh reverse active energy|反向有功电能
 9110 byTariff97 XXXXXX.XX kvarh forward reactive energy|正向无功电能
 9120 byTariff97 XXXXXX.XX kvarh reverse reactive energy|反向无功电能
 9130 byTariff97 XXXXXX.XX kvarh quadrant I reactive energy|一象限无功电能
 9140 byTariff97 XXXXXX.XX kvarh quadrant IV reactive energy|四象限无功电能
 9150 byTariff97 XXXXXX.XX kvarh quadrant II reactive energy|二象限无功电能
 9160 byTariff97 XXXXXX.XX kvarh quadrant III reactive energy|三象限无功电能
 9410 byTariff97 XXXXXX.XX kWh last month's forward active energy|上月正向有功电能
 9420 byTariff97 XXXXXX.XX kWh last month's reverse active energy|上月反向有功电能
 9510 byTariff97 XXXXXX.XX kvarh last month's forward reactive energy|上月正向无功电能
 9520 byTariff97 XXXXXX.XX kvarh last month's reverse reactive energy|上月反向无功电能
 9530 byTariff97 XXXXXX.XX kvarh last month's quadrant I reactive energy|上月一象限无功电能
 9540 byTariff97 XXXXXX.XX kvarh last month's quadrant IV reactive energy|上月四象限无功电能
 9550 byTariff97 XXXXXX.XX kvarh last month's quadrant II reactive energy|上月二象限无功电能
 9560 byTariff97 XXXXXX.XX kvarh last month's quadrant III reactive energy|上月三象限无功电能
 9810 byTariff97 XXXXXX.XX kWh forward active energy of the month before last|上上月正向有功电能
 9820 byTariff97 XXXXXX.XX kWh reverse active energy of the month before last|上上月反向有功电能
 9910 byTariff97 XXXXXX.XX kvarh forward reactive energy of the month before last|上上月正向无功电能
 9920 byTariff97 XXXXXX.XX kvarh reverse reactive energy of the month before last|上上月反向无功电能
 9930 byTariff97 XXXXXX.XX kvarh quadrant I reactive energy of the month before last|上上月一象限无功电能
 9940 byTariff97 XXXXXX.XX kvarh quadrant IV reactive energy of the month before last|上上月四象限无功电能
 9950 byTariff97 XXXXXX.XX kvarh quadrant II reactive energy of the month before last|上上月二象限无功电能
 9960 byTariff97 XXXXXX.XX kvarh quadrant III reactive energy of the month before last|上上月三象限无功电能
# Maximum demand: now, last month, the month before.
 A010 byTariff97 XX.XXXX kW forward active maximum demand|正向有功最大需量
 A020 byTariff97 XX.XXXX kW reverse active maximum demand|反向有功最大需量
 A110 byTariff97 XX.XXXX kvar forward reactive maximum demand|正向无功最大需量
 A120 byTariff97 XX.XXXX kvar reverse reactive maximum demand|反向无功最大需量
 A130 byTariff97 XX.XXXX kvar quadrant I reactive maximum demand|一象限无功最大需量
 A140 byTariff97 XX.XXXX kvar quadrant IV reactive maximum demand|四象限无功最大需量
 A150 byTariff97 XX.XXXX kvar quadrant II reactive maximum demand|二象限无功最大需量
 A160 byTariff97 XX.XXXX kvar quadrant III reactive maximum demand|三象限无功最大需量
 A410 byTariff97 XX.XXXX kW last month's forward active maximum demand|上月正向有功最大需量
 A420 byTariff97 XX.XXXX kW last month's reverse active maximum demand|上月反向有功最大需量
 A510 byTariff97 XX.XXXX kvar last month's forward reactive maximum demand|上月正向无功最大需量
 A520 byTariff97 XX.XXXX kvar last month's reverse reactive maximum demand|上月反向无功最大需量
 A530 byTariff97 XX.XXXX kvar last month's quadrant I reactive maximum demand|上月一象限无功最大需量
 A540 byTariff97 XX.XXXX kvar last month's quadrant IV reactive maximum demand|上月四象限无功最大需量
 A550 byTariff97 XX.XXXX kvar last month's quadrant II reactive maximum demand|上月二象限无功最大需量
 A560 byTariff97 XX.XXXX kvar last month's quadrant III reactive maximum demand|上月三象限无功最大需量
 A810 byTariff97 XX.XXXX kW forward active maximum demand of the month before last|上上月正向有功最大需量
 A820 byTariff97 XX.XXXX kW reverse active maximum demand of the month before last|上上月反向有功最大需量
 A910 byTariff97 XX.XXXX kvar forward reactive maximum demand of the month before last|上上月正向无功最大需量
 A920 byTariff97 XX.XXXX kvar reverse reactive maximum demand of the month before last|上上月反向无功最大需量
 A930 byTariff97 XX.XXXX kvar quadrant I reactive maximum demand of the month before last|上上月一象限无功最大需量
 A940 byTariff97 XX.XXXX kvar quadrant IV reactive maximum demand of the month before last|上上月四象限无功最大需量
 A950 byTariff97 XX.XXXX kvar quadrant II reactive maximum demand of the month before last|上上月二象限无功最大需量
 A960 byTariff97 XX.XXXX kvar quadrant III reactive maximum demand of the month before last|上上月三象限无功最大需量
# Its time: now, last month, the month before.
 B010 byTariff97 MMDDhhmm - time of the forward active maximum demand|正向有功最大需量发生时间
 B020 byTariff97 MMDDhhmm - time of the reverse active maximum demand|反向有功最大需量发生时间
 B110 byTariff97 MMDDhhmm - time of the forward reactive maximum demand|正向无功最大需量发生时间
 B120 byTariff97 MMDDhhmm - time of the reverse reactive maximum demand|反向无功最大需量发生时间
 B130 byTariff97 MMDDhhmm - time of the quadrant I reactive maximum demand|一象限无功最大需量发生时间
 B140 byTariff97 MMDDhhmm - time of the quadrant IV reactive maximum demand|四象限无功最大需量发生时间
 B150 byTariff97 MMDDhhmm - time of the quadrant II reactive maximum demand|二象限无功最大需量发生时间
 B160 byTariff97 MMDDhhmm - time of the quadrant III reactive maximum demand|三象限无功最大需量发生时间
 B410 byTariff97 MMDDhhmm - time of last month's forward active maximum demand|上月正向有功最大需量发生时间
 B420 byTariff97 MMDDhhmm - time of last month's reverse active maximum demand|上月反向有功最大需量发生时间
 B510 byTariff97 MMDDhhmm - time of last month's forward reactive maximum demand|上月正向无功最大需量发生时间
 B520 byTariff97 MMDDhhmm - time of last month's reverse reactive maximum demand|上月反向无功最大需量发生时间
 B530 byTariff97 MMDDhhmm - time of last month's quadrant I reactive maximum demand|上月一象限无功最大需量发生时间
 B540 byTariff97 MMDDhhmm - time of last month's quadrant IV reactive maximum demand|上月四象限无功最大需量发生时间
 B550 byTariff97 MMDDhhmm - time of last month's quadrant II reactive maximum demand|上月二象限无功最大需量发生时间
 B560 byTariff97 MMDDhhmm - time of last month's quadrant III reactive maximum demand|上月三象限无功最大需量发生时间
 B810 byTariff97 MMDDhhmm - time of the forward active maximum demand of the month before last|上上月正向有功最大需量发生时间
 B820 byTariff97 MMDDhhmm - time of the reverse active maximum demand of the month before last|上上月反向有功最大需量发生时间
 B910 byTariff97 MMDDhhmm - time of the forward reactive maximum demand of the month before last|上上月正向无功最大需量发生时间
 B920 byTariff97 MMDDhhmm - time of the reverse reactive maximum demand of the month before last|上上月反向无功最大需量发生时间
 B930 byTariff97 MMDDhhmm - time of the quadrant I reactive maximum demand of the month before last|上上月一象限无功最大需量发生时间
 B940 byTariff97 MMDDhhmm - time of the quadrant IV reactive maximum demand of the month before last|上上月四象限无功最大需量发生时间
 B950 byTariff97 MMDDhhmm - time of the quadrant II reactive maximum demand of the month before last|上上月二象限无功最大需量发生时间
 B960 byTariff97 MMDDhhmm - time of the quadrant III reactive maximum demand of the month before last|上上月三象限无功最大需量发生时间
# Variables and counts.
 B210 single MMDDhhmm - last programming|最近一次编程时间
 B211 single MMDDhhmm - last demand reset|最近一次最大需量清零时间
 B212 single NNNN - programming count|编程次数
 B213 single NNNN - demand reset count|最大需量清零次数
 B214 single NNNNNN min battery working time|电池工作时间
 B310 byTotal97 NNNN - phase loss count|断相次数
 B320 byTotal97 NNNNNN min phase loss duration|断相时间累计值
 B330 byTotal97 MMDDhhmm - phase loss begin|断相起始时刻
 B340 byTotal97 MMDDhhmm - phase loss end|断相结束时刻
 B610 byPhase97 XXXX V voltage|电压
 B620 byPhase97 XX.XX A current|电流
 B630 byTotal97 XX.XXXX kW active power|瞬时有功功率
 B634 single XX.XX kW forward active power limit|正向有功功率上限值
 B635 single XX.XX kW reverse active power limit|反向有功功率上限值
 B640 byTotal97 XX.XX kvar reactive power|瞬时无功功率
 B650 byTotal97 X.XXX - power factor|功率因数
# Some vendors have the frequency here, others the phase angle, so that
# nothing but what a grid can have is taken for one.
*B660 single XX.XX[45-65] Hz frequency|电网频率
# Parameters.
 C010 single YYMMDDWW - date|日期
 C011 single hhmmss - time|时间
 C020 single B8 - meter status word|电表运行状态字
 C021 single B8 - grid status word|电网状态字
 C022 single B8 - weekend word|周休日状态字
 C030 single NNNNNN imp/kWh active meter constant|有功常数
 C031 single NNNNNN imp/kvarh reactive meter constant|无功常数
 C032 single N12 - meter number|表号
 C033 single N12 - user number|用户号
 C034 single N12 - device code|设备码
 C111 single NN min maximum demand period|最大需量周期
 C112 single NN min sliding time|滑差时间
 C113 single NN s display: seconds a screen|循显时间
 C114 single NN s display: seconds of a stop|停显时间
 C115 single NN - display: decimals of energies|显示电能小数位数
 C116 single NN - display: decimals of powers|显示功率(最大需量)小数位数
 C117 single DDhh - settlement day|自动抄表日期
 C118 single NN - load representative day|负荷代表日
 C119 single XXXXXXX.X kWh active start energy|有功电能起始读数
 C11A single XXXXXXX.X kvarh reactive start energy|无功电能起始读数
 C211 single NNNN ms pulse width|输出脉冲宽度
 C212 single O4 - password|密码权限及密码
 C310 single NN - number of year zones|年时区数
 C311 single NN - number of day tables|日时段表数
 C312 single NN - number of day periods|日时段数
 C313 single NN - number of tariffs|费率数
 C314 single NN - number of holidays|公共假日数
 C320 byNumber97 MMDDNN - time zone|时区起始日期及日时段表号
 C330 byNumber97 hhmmNN - day table 1 period|第1日时段表时段
 C340 byNumber97 hhmmNN - day table 2 period|第2日时段表时段
 C350 byNumber97 hhmmNN - day table 3 period|第3日时段表时段
 C360 byNumber97 hhmmNN - day table 4 period|第4日时段表时段
 C370 byNumber97 hhmmNN - day table 5 period|第5日时段表时段
 C380 byNumber97 hhmmNN - day table 6 period|第6日时段表时段
 C390 byNumber97 hhmmNN - day table 7 period|第7日时段表时段
 C3A0 byNumber97 hhmmNN - day table 8 period|第8日时段表时段
 C410 byHoliday97 MMDDNN - holiday|公共假日日期及日时段表号
 C41E single NN - weekend day table|周休日采用的日时段表号
 C510 single MMDDhhmm - load record start|负荷记录起始时间
 C511 single NNNN min load record interval|负荷记录间隔时间
`)
