package dlt645

// table2007 holds the identifiers of the 2007 edition, Appendix A, in the
// order of their codes, a row a line:
//
//	mark and code of the first member, with 0 for what varies
//	what varies, one of schemeNames
//	the format, see parseFormat
//	the unit, - for none
//	the name in English | and in Chinese
//
// Marked with + is what came with State Grid's additions, with * what is in one
// vendor's table alone. It is bytes and not a string so that it stands among the
// variables of the program, where there is room: what else a board's program
// holds is read-only.
var table2007 = []byte(`
# A.1 Energy.
 00000000 byTariff ±XXXXXX.XX kWh combined active energy|组合有功电能
 00010000 byTariff XXXXXX.XX kWh forward active energy|正向有功电能
 00020000 byTariff XXXXXX.XX kWh reverse active energy|反向有功电能
 00030000 byTariff ±XXXXXX.XX kvarh combined reactive energy 1|组合无功1电能
 00040000 byTariff ±XXXXXX.XX kvarh combined reactive energy 2|组合无功2电能
 00050000 byTariff XXXXXX.XX kvarh quadrant I reactive energy|第一象限无功电能
 00060000 byTariff XXXXXX.XX kvarh quadrant II reactive energy|第二象限无功电能
 00070000 byTariff XXXXXX.XX kvarh quadrant III reactive energy|第三象限无功电能
 00080000 byTariff XXXXXX.XX kvarh quadrant IV reactive energy|第四象限无功电能
 00090000 byTariff XXXXXX.XX kVAh forward apparent energy|正向视在电能
 000A0000 byTariff XXXXXX.XX kVAh reverse apparent energy|反向视在电能
+000B0000 single XXXXXX.XX kWh energy of this billing period|当前结算周期组合有功总累计用电量
+000B0001 single XXXXXX.XX kWh energy of the last billing period|上1结算周期组合有功总累计用电量
+000C0000 single XXXXXX.XX kWh energy of this month|当前月度组合有功总累计用电量
 00150000 byPhase14 XXXXXX.XX kWh forward active energy|正向有功电能
 00160000 byPhase14 XXXXXX.XX kWh reverse active energy|反向有功电能
 00170000 byPhase14 ±XXXXXX.XX kvarh combined reactive energy 1|组合无功1电能
 00180000 byPhase14 ±XXXXXX.XX kvarh combined reactive energy 2|组合无功2电能
 00190000 byPhase14 XXXXXX.XX kvarh quadrant I reactive energy|第一象限无功电能
 001A0000 byPhase14 XXXXXX.XX kvarh quadrant II reactive energy|第二象限无功电能
 001B0000 byPhase14 XXXXXX.XX kvarh quadrant III reactive energy|第三象限无功电能
 001C0000 byPhase14 XXXXXX.XX kvarh quadrant IV reactive energy|第四象限无功电能
 001D0000 byPhase14 XXXXXX.XX kVAh forward apparent energy|正向视在电能
 001E0000 byPhase14 XXXXXX.XX kVAh reverse apparent energy|反向视在电能
 00800000 byPast14 ±XXXXXX.XX kWh associated energy|关联总电能
 00810000 byPast14 XXXXXX.XX kWh forward fundamental energy|正向有功基波总电能
 00820000 byPast14 XXXXXX.XX kWh reverse fundamental energy|反向有功基波总电能
 00830000 byPast14 XXXXXX.XX kWh forward harmonic energy|正向有功谐波总电能
 00840000 byPast14 XXXXXX.XX kWh reverse harmonic energy|反向有功谐波总电能
 00850000 byPast14 XXXXXX.XX kWh copper loss energy|铜损有功总电能补偿量
 00860000 byPast14 XXXXXX.XX kWh iron loss energy|铁损有功总电能补偿量
 00900100 single XXXXXX.XX kWh energy left|剩余电量
 00900101 single XXXXXX.XX kWh energy overdrawn|透支电量
 00900200 single XXXXXX.XX yuan money left|剩余金额
 00900201 single XXXXXX.XX yuan money overdrawn|透支金额
 00940000 byPhase14 ±XXXXXX.XX kWh associated energy|关联电能
 00950000 byPhase14 XXXXXX.XX kWh forward fundamental energy|正向有功基波电能
 00960000 byPhase14 XXXXXX.XX kWh reverse fundamental energy|反向有功基波电能
 00970000 byPhase14 XXXXXX.XX kWh forward harmonic energy|正向有功谐波电能
 00980000 byPhase14 XXXXXX.XX kWh reverse harmonic energy|反向有功谐波电能
 00990000 byPhase14 XXXXXX.XX kWh copper loss energy|铜损有功电能补偿量
 009A0000 byPhase14 XXXXXX.XX kWh iron loss energy|铁损有功电能补偿量
# A.2 Maximum demand and the time of its occurrence.
 01010000 byTariff XX.XXXX+YYMMDDhhmm kW forward active maximum demand|正向有功最大需量
 01020000 byTariff XX.XXXX+YYMMDDhhmm kW reverse active maximum demand|反向有功最大需量
 01030000 byTariff ±XX.XXXX+YYMMDDhhmm kvar combined reactive 1 maximum demand|组合无功1最大需量
 01040000 byTariff ±XX.XXXX+YYMMDDhhmm kvar combined reactive 2 maximum demand|组合无功2最大需量
 01050000 byTariff XX.XXXX+YYMMDDhhmm kvar quadrant I maximum demand|第一象限无功最大需量
 01060000 byTariff XX.XXXX+YYMMDDhhmm kvar quadrant II maximum demand|第二象限无功最大需量
 01070000 byTariff XX.XXXX+YYMMDDhhmm kvar quadrant III maximum demand|第三象限无功最大需量
 01080000 byTariff XX.XXXX+YYMMDDhhmm kvar quadrant IV maximum demand|第四象限无功最大需量
 01090000 byTariff XX.XXXX+YYMMDDhhmm kVA forward apparent maximum demand|正向视在最大需量
 010A0000 byTariff XX.XXXX+YYMMDDhhmm kVA reverse apparent maximum demand|反向视在最大需量
 01150000 byPhase14 XX.XXXX+YYMMDDhhmm kW forward active maximum demand|正向有功最大需量
 01160000 byPhase14 XX.XXXX+YYMMDDhhmm kW reverse active maximum demand|反向有功最大需量
 01170000 byPhase14 ±XX.XXXX+YYMMDDhhmm kvar combined reactive 1 maximum demand|组合无功1最大需量
 01180000 byPhase14 ±XX.XXXX+YYMMDDhhmm kvar combined reactive 2 maximum demand|组合无功2最大需量
 01190000 byPhase14 XX.XXXX+YYMMDDhhmm kvar quadrant I maximum demand|第一象限无功最大需量
 011A0000 byPhase14 XX.XXXX+YYMMDDhhmm kvar quadrant II maximum demand|第二象限无功最大需量
 011B0000 byPhase14 XX.XXXX+YYMMDDhhmm kvar quadrant III maximum demand|第三象限无功最大需量
 011C0000 byPhase14 XX.XXXX+YYMMDDhhmm kvar quadrant IV maximum demand|第四象限无功最大需量
 011D0000 byPhase14 XX.XXXX+YYMMDDhhmm kVA forward apparent maximum demand|正向视在最大需量
 011E0000 byPhase14 XX.XXXX+YYMMDDhhmm kVA reverse apparent maximum demand|反向视在最大需量
# A.3 Variables.
 02010000 byPhase XXX.X V voltage|电压
 02020000 byPhase ±XXX.XXX/4 A current|电流
 02030000 byTotal ±XX.XXXX/4 kW active power|有功功率
 02040000 byTotal ±XX.XXXX/4 kvar reactive power|无功功率
 02050000 byTotal ±XX.XXXX/4 kVA apparent power|视在功率
 02060000 byTotal ±X.XXX - power factor|功率因数
 02070000 byPhase XXX.X deg phase angle|相角
 02080000 byPhase XX.XX % voltage distortion|电压波形失真度
 02090000 byPhase XX.XX % current distortion|电流波形失真度
 020A0000 byOrder XX.XX % voltage harmonic|电压谐波含量
 020B0000 byOrder XX.XX % current harmonic|电流谐波含量
 02800001 single ±XXX.XXX/2 A neutral current|零线电流
 02800002 single XX.XX Hz frequency|电网频率
 02800003 single ±XX.XXXX kW one-minute average active power|一分钟有功总平均功率
 02800004 single ±XX.XXXX kW present active demand|当前有功需量
 02800005 single ±XX.XXXX kvar present reactive demand|当前无功需量
 02800006 single ±XX.XXXX kVA present apparent demand|当前视在需量
 02800007 single ±XXX.X degC temperature in the meter|表内温度
 02800008 single XX.XX V clock battery voltage|时钟电池电压
 02800009 single XX.XX V reading battery voltage|停电抄表电池电压
 0280000A single NNNNNNNN min internal battery working time|内部电池工作时间
+0280000B single XXXX.XXXX yuan/kWh present step price|当前阶梯电价
+02800020 single XXXX.XXXX yuan/kWh present price|当前电价
+02800021 single XXXX.XXXX yuan/kWh present tariff price|当前费率电价
+02800022 single NNNN min identity authentication time left|身份认证时效剩余时间
+02800023 single NN min infrared authentication time left|红外认证时效剩余时间
*02920200 single ±XXXXX.X A A-phase current, high range|A相电流(大量程)
*02920300 single ±XXXXX.X A B-phase current, high range|B相电流(大量程)
*02920400 single ±XXXXX.X A C-phase current, high range|C相电流(大量程)
*02930000 byTotal ±XXXX.XX kW active power, high range|有功功率(大量程)
*02940000 byTotal ±XXXX.XX kvar reactive power, high range|无功功率(大量程)
*02950000 byTotal ±XXXX.XX kVA apparent power, high range|视在功率(大量程)
*02A30000 byTotal ±XXXX.XXXX kW active power, high range|有功功率(大量程)
*02A40000 byTotal ±XXXX.XXXX kvar reactive power, high range|无功功率(大量程)
*02A50000 byTotal ±XXXX.XXXX kVA apparent power, high range|视在功率(大量程)
# A.4 Event counts. The records are in records2007.
 03110000 single NNNNNN - power-off count|掉电总次数
 03300000 single NNNNNN - programming count|编程总次数
 03300100 single NNNNNN - meter clear count|电表清零总次数
 03300200 single NNNNNN - demand reset count|需量清零总次数
 03300300 single NNNNNN - event clear count|事件清零总次数
 03300400 single NNNNNN - clock set count|校时总次数
 03300500 single NNNNNN - day-period table programming count|时段表编程总次数
 03300600 single NNNNNN - time-zone table programming count|时区表编程总次数
 03300700 single NNNNNN - weekend programming count|周休日编程总次数
 03300800 single NNNNNN - holiday programming count|节假日编程总次数
 03300900 single NNNNNN - active combination programming count|有功组合方式编程总次数
 03300A00 single NNNNNN - reactive combination 1 programming count|无功组合方式1编程总次数
 03300B00 single NNNNNN - reactive combination 2 programming count|无功组合方式2编程总次数
 03300C00 single NNNNNN - settlement day programming count|结算日编程总次数
 03300D00 single NNNNNN - meter cover opened count|开表盖总次数
 03300E00 single NNNNNN - terminal cover opened count|开端钮盖总次数
# Later: purchases of energy and of money.
 03320100 byTen YYMMDDhhmm - energy purchase time|购电日期
 03320200 byTen NNNN - energy purchase count|购电后总购电次数
 03320300 byTen XXXXXX.XX kWh energy purchased|购电量
 03320400 byTen XXXXXX.XX kWh energy left before the purchase|购电前剩余电量
 03320500 byTen XXXXXX.XX kWh energy left after the purchase|购电后剩余电量
 03320600 byTen XXXXXX.XX kWh energy purchased in all|购电后累计购电量
 03330100 byTen YYMMDDhhmm - money purchase time|购电日期
 03330200 byTen NNNN - money purchase count|购电后总购电次数
 03330300 byTen XXXXXX.XX yuan money purchased|购电金额
 03330400 byTen XXXXXX.XX yuan money left before the purchase|购电前剩余金额
 03330500 byTen XXXXXX.XX yuan money left after the purchase|购电后剩余金额
 03330600 byTen XXXXXX.XX yuan money purchased in all|购电后累计购电金额
+03350000 single NNNNNN - magnetic field count|恒定磁场干扰总次数
# A.5 Parameters.
 04000101 single YYMMDDWW - date|日期
 04000102 single hhmmss - time|时间
 04000103 single NN min maximum demand period|最大需量周期
 04000104 single NN min sliding time|滑差时间
 04000105 single XXXX ms calibration pulse width|校表脉冲宽度
 04000106 single YYMMDDhhmm - switch time of the time-zone tables|两套时区表切换时间
 04000107 single YYMMDDhhmm - switch time of the day-period tables|两套日时段表切换时间
+04000108 single YYMMDDhhmm - switch time of the tariff prices|两套费率电价切换时间
+04000109 single YYMMDDhhmm - switch time of the step prices|两套阶梯切换时间
+0400010C single YYMMDDWWhhmmss - date|日期
 04000201 single NN - number of year zones|年时区数
 04000202 single NN - number of day tables|日时段表数
 04000203 single NN - number of day periods|日时段数
 04000204 single NN - number of tariffs|费率数
 04000205 single NNNN - number of holidays|公共假日数
 04000206 single NN - number of harmonic orders|谐波分析次数
+04000207 single NN - number of steps|阶梯数
 04000301 single NN - display: screens that scroll|自动循环显示屏数
 04000302 single NN s display: seconds a screen|每屏显示时间
 04000303 single NN - display: decimals of energies|显示电能小数位数
 04000304 single NN - display: decimals of powers|显示功率小数位数
 04000305 single NN - display: screens by key|按键循环显示屏数
+04000306 single NNNNNN - current transformer ratio|电流互感器变比
+04000307 single NNNNNN - voltage transformer ratio|电压互感器变比
 04000401 single N12 - communication address|通信地址
 04000402 single N12 - meter number|表号
 04000403 single A32 - asset code|资产管理编码
 04000404 single A6 - rated voltage|额定电压
 04000405 single A6 - rated current|额定电流
 04000406 single A6 - maximum current|最大电流
 04000407 single A4 - active accuracy class|有功准确度等级
 04000408 single A4 - reactive accuracy class|无功准确度等级
 04000409 single NNNNNN imp/kWh active meter constant|有功常数
 0400040A single NNNNNN imp/kvarh reactive meter constant|无功常数
 0400040B single A10 - meter model|电表型号
 0400040C single A10 - production date|生产日期
 0400040D single A16 - protocol version|协议版本号
+0400040E single N12 - customer number|客户编号
 04000500 byWord B16 - status word|运行状态字
 04000601 single B8 - active combination word|有功组合方式特征字
 04000602 single B8 - reactive combination word 1|无功组合方式1特征字
 04000603 single B8 - reactive combination word 2|无功组合方式2特征字
 04000701 single B8 - baud word, modulated infrared|调制型红外光口通信速率特征字
 04000702 single B8 - baud word, contact infrared|接触式红外光口通信速率特征字
 04000703 single B8 - baud word, port 1|通信口1通信速率特征字
 04000704 single B8 - baud word, port 2|通信口2通信速率特征字
 04000705 single B8 - baud word, port 3|通信口3通信速率特征字
 04000801 single B8 - weekend word|周休日特征字
 04000802 single NN - weekend day table|周休日采用的日时段表号
 04000901 single B8 - load record mode word|负荷记录模式字
 04000902 single B8 - timed freeze mode word|定时冻结数据模式字
 04000903 single B8 - instant freeze mode word|瞬时冻结数据模式字
 04000904 single B8 - switch freeze mode word|约定冻结数据模式字
 04000905 single B8 - hourly freeze mode word|整点冻结数据模式字
 04000906 single B8 - daily freeze mode word|日冻结数据模式字
 04000A01 single MMDDhhmm - load record start|负荷记录起始时间
 04000A02 single NNNN min load record interval of class 1|第1类负荷记录间隔时间
 04000A03 single NNNN min load record interval of class 2|第2类负荷记录间隔时间
 04000A04 single NNNN min load record interval of class 3|第3类负荷记录间隔时间
 04000A05 single NNNN min load record interval of class 4|第4类负荷记录间隔时间
 04000A06 single NNNN min load record interval of class 5|第5类负荷记录间隔时间
 04000A07 single NNNN min load record interval of class 6|第6类负荷记录间隔时间
 04000B01 single DDhh - settlement day 1|每月第1结算日
 04000B02 single DDhh - settlement day 2|每月第2结算日
 04000B03 single DDhh - settlement day 3|每月第3结算日
 04000C00 byLevel O4 - password of level|密码 权限
 04000D00 byCoefficient X.XXX - coefficient|系数
 04000E01 single XX.XXXX kW forward active power limit|正向有功功率上限值
 04000E02 single XX.XXXX kW reverse active power limit|反向有功功率上限值
 04000E03 single XXX.X V voltage upper limit|电压上限值
 04000E04 single XXX.X V voltage lower limit|电压下限值
 04000F01 single XXXXXX.XX kWh alarm energy 1|报警电量1限值
 04000F02 single XXXXXX.XX kWh alarm energy 2|报警电量2限值
+04000F03 single XXXXXX.XX kWh hoarded energy limit|囤积电量限值
+04000F04 single XXXXXX.XX kWh overdrawn energy limit|透支电量限值
 04001001 single XXXXXX.XX yuan alarm money 1|报警金额1限值
 04001002 single XXXXXX.XX yuan alarm money 2|报警金额2限值
+04001003 single XXXXXX.XX yuan overdrawn money limit|透支金额限值
+04001004 single XXXXXX.XX yuan hoarded money limit|囤积金额限值
+04001005 single XXXXXX.XX yuan money that permits closing|合闸允许金额限值
+04001101 single B8 - meter running word|电表运行特征字1
+04001104 single B64 - active report mode word|主动上报模式字
+04001201 single YYMMDDhhmm - hourly freeze start|整点冻结起始时间
+04001202 single NN min hourly freeze interval|整点冻结时间间隔
+04001203 single hhmm - daily freeze time|日冻结时间
+04001301 single O1 - wireless signal|无线通信在线及信号强弱指示
+04001401 single NNNN - trip delay|跳闸延时时间
+04001402 single NNNN - close delay|合闸延时时间
+04001501 single O - active report status word|主动上报状态字
+04001503 single O12 - active report reset|主动上报状态字复位
 04010000 single MMDDNN# - time-zone table, set 1|第一套时区表
 04010000 byNumber hhmmNN# - day table, set 1|第一套日时段表
 04020000 single MMDDNN# - time-zone table, set 2|第二套时区表
 04020000 byNumber hhmmNN# - day table, set 2|第二套日时段表
 04030000 byNumber YYMMDDNN - holiday|公共假日
# The number of the screen is missing where there are 4 bytes.
 04040100 byNumber H8/4+NN - scrolled screen|自动循环显示屏
 04040200 byNumber H8/4+NN - screen by key|按键循环显示屏
# Later: prices and steps.
 04050100 byNumber XXXX.XXXX yuan/kWh tariff price, set 1|第一套费率电价
 04050200 byNumber XXXX.XXXX yuan/kWh tariff price, set 2|第二套费率电价
 04060000 byNumber XXXXXX.XX kWh step, set 1|第一套阶梯值
 04060100 byNumber XXXX.XXXX yuan/kWh step price, set 1|第一套阶梯电价
 04060200 byNumber XXXXXX.XX kWh step, set 2|第二套阶梯值
 04060300 byNumber XXXX.XXXX yuan/kWh step price, set 2|第二套阶梯电价
# Later: when an event is one.
+04090101 single XXX.X V loss of voltage: voltage below|失压事件电压触发上限
+04090102 single XXX.X V loss of voltage: voltage restored above|失压事件电压恢复下限
+04090103 single XX.XXXX A loss of voltage: current above|失压事件电流触发下限
+04090104 single NN s loss of voltage: delay|失压事件判定延时时间
+04090201 single XXX.X V under-voltage: voltage below|欠压事件电压触发上限
+04090202 single NN s under-voltage: delay|欠压事件判定延时时间
+04090301 single XXX.X V over-voltage: voltage above|过压事件电压触发下限
+04090302 single NN s over-voltage: delay|过压事件判定延时时间
+04090401 single XXX.X V phase loss: voltage below|断相事件电压触发上限
+04090402 single XX.XXXX A phase loss: current below|断相事件电流触发上限
+04090403 single NN s phase loss: delay|断相事件判定延时时间
+04090501 single XX.XX % voltage unbalance: above|电压不平衡率限值
+04090502 single NN s voltage unbalance: delay|电压不平衡率判定延时时间
+04090601 single XX.XX % current unbalance: above|电流不平衡率限值
+04090602 single NN s current unbalance: delay|电流不平衡率判定延时时间
+04090701 single XXX.X V loss of current: voltage above|失流事件电压触发下限
+04090702 single XX.XXXX A loss of current: current below|失流事件电流触发上限
+04090703 single XX.XXXX A loss of current: other current above|失流事件电流触发下限
+04090704 single NN s loss of current: delay|失流事件判定延时时间
+04090801 single XXX.X A over-current: current above|过流事件电流触发下限
+04090802 single NN s over-current: delay|过流事件判定延时时间
+04090901 single XXX.X V broken current: voltage above|断流事件电压触发下限
+04090902 single XX.XXXX A broken current: current below|断流事件电流触发上限
+04090903 single NN s broken current: delay|断流事件判定延时时间
+04090A01 single XX.XXXX kW reverse power flow: active power above|潮流反向事件有功功率触发下限
+04090A02 single NN s reverse power flow: delay|潮流反向事件判定延时时间
+04090B01 single XX.XXXX kW overload: active power above|过载事件有功功率触发下限
+04090B02 single NN s overload: delay|过载事件判定延时时间
+04090C01 single XXX.X V voltage quality: upper limit|电压考核上限
+04090C02 single XXX.X V voltage quality: lower limit|电压考核下限
+04090D01 single XX.XXXX kW demand exceeded: active demand above|有功需量超限事件需量触发下限
+04090D02 single XX.XXXX kvar demand exceeded: reactive demand above|无功需量超限事件需量触发下限
+04090D03 single NN s demand exceeded: delay|需量超限事件判定延时时间
+04090E01 single X.XXX - power factor low: below|总功率因数超下限阀值
+04090E02 single NN s power factor low: delay|总功率因数超下限判定延时时间
+04090F01 single XX.XX % serious current unbalance: above|电流严重不平衡限值
+04090F02 single NN s serious current unbalance: delay|电流严重不平衡触发延时时间
 04800001 single A - software version|软件版本号
 04800002 single A - hardware version|硬件版本号
 04800003 single A - vendor code|厂家编号
# A.6 Freeze. Blocks give the items of the single identifiers.
 05000000 byFreeze YYMMDDhhmm - freeze time|冻结时间
 05000100 byFreeze XXXXXX.XX* kWh freeze forward active energy|冻结正向有功电能
 05000200 byFreeze XXXXXX.XX* kWh freeze reverse active energy|冻结反向有功电能
 05000300 byFreeze ±XXXXXX.XX* kvarh freeze combined reactive energy 1|冻结组合无功1电能
 05000400 byFreeze ±XXXXXX.XX* kvarh freeze combined reactive energy 2|冻结组合无功2电能
 05000500 byFreeze XXXXXX.XX* kvarh freeze quadrant I reactive energy|冻结第一象限无功电能
 05000600 byFreeze XXXXXX.XX* kvarh freeze quadrant II reactive energy|冻结第二象限无功电能
 05000700 byFreeze XXXXXX.XX* kvarh freeze quadrant III reactive energy|冻结第三象限无功电能
 05000800 byFreeze XXXXXX.XX* kvarh freeze quadrant IV reactive energy|冻结第四象限无功电能
 05000900 byFreeze XX.XXXX+YYMMDDhhmm* kW freeze forward active maximum demand|冻结正向有功最大需量
 05000A00 byFreeze XX.XXXX+YYMMDDhhmm* kW freeze reverse active maximum demand|冻结反向有功最大需量
 05040000 byRecord YYMMDDhhmm - hourly freeze time|整点冻结时间
 05040100 byRecord XXXXXX.XX kWh hourly freeze forward active energy|整点冻结正向有功总电能
 05040200 byRecord XXXXXX.XX kWh hourly freeze reverse active energy|整点冻结反向有功总电能
 0500FF00 byFreeze FREEZE - freeze block|冻结数据块
 0504FF00 byRecord FREEZE - hourly freeze block|整点冻结数据块
# A.7 Load records.
 06000000 byClass LOAD - load record|负荷记录
# Later: what the events of State Grid's meters count for all phases; the
# rest is in eventKinds.
 10000001 single NNNNNN - loss of voltage count|失压总次数
 10000002 single NNNNNN min loss of voltage minutes|失压总累计时间
 10000101 single YYMMDDhhmmss - last loss of voltage begin|最近一次失压发生时刻
 10000201 single YYMMDDhhmmss - last loss of voltage end|最近一次失压结束时刻
 13000001 single NNNNNN - phase loss count|断相总次数
 13000002 single NNNNNN min phase loss minutes|断相总累计时间
`)
