package dlt645

// table2007 holds the identifiers of the 2007 edition, Appendix A, in the
// order of their codes. What varies is named by the scheme. Rows marked
// "later" came with State Grid's additions, "vendor" with one vendor's table.
var table2007 = []row{
	// A.1 Energy.
	{0x00000000, byTariff, "±XXXXXX.XX", "kWh", Text{"combined active energy", "组合有功电能"}},
	{0x00010000, byTariff, "XXXXXX.XX", "kWh", Text{"forward active energy", "正向有功电能"}},
	{0x00020000, byTariff, "XXXXXX.XX", "kWh", Text{"reverse active energy", "反向有功电能"}},
	{0x00030000, byTariff, "±XXXXXX.XX", "kvarh", Text{"combined reactive energy 1", "组合无功1电能"}},
	{0x00040000, byTariff, "±XXXXXX.XX", "kvarh", Text{"combined reactive energy 2", "组合无功2电能"}},
	{0x00050000, byTariff, "XXXXXX.XX", "kvarh", Text{"quadrant I reactive energy", "第一象限无功电能"}},
	{0x00060000, byTariff, "XXXXXX.XX", "kvarh", Text{"quadrant II reactive energy", "第二象限无功电能"}},
	{0x00070000, byTariff, "XXXXXX.XX", "kvarh", Text{"quadrant III reactive energy", "第三象限无功电能"}},
	{0x00080000, byTariff, "XXXXXX.XX", "kvarh", Text{"quadrant IV reactive energy", "第四象限无功电能"}},
	{0x00090000, byTariff, "XXXXXX.XX", "kVAh", Text{"forward apparent energy", "正向视在电能"}},
	{0x000A0000, byTariff, "XXXXXX.XX", "kVAh", Text{"reverse apparent energy", "反向视在电能"}},
	{0x000B0000, single, "XXXXXX.XX", "kWh", Text{"energy of this billing period", "当前结算周期组合有功总累计用电量"}},     // later
	{0x000B0001, single, "XXXXXX.XX", "kWh", Text{"energy of the last billing period", "上1结算周期组合有功总累计用电量"}}, // later
	{0x000C0000, single, "XXXXXX.XX", "kWh", Text{"energy of this month", "当前月度组合有功总累计用电量"}},                // later
	{0x00150000, byPhase14, "XXXXXX.XX", "kWh", Text{"forward active energy", "正向有功电能"}},
	{0x00160000, byPhase14, "XXXXXX.XX", "kWh", Text{"reverse active energy", "反向有功电能"}},
	{0x00170000, byPhase14, "±XXXXXX.XX", "kvarh", Text{"combined reactive energy 1", "组合无功1电能"}},
	{0x00180000, byPhase14, "±XXXXXX.XX", "kvarh", Text{"combined reactive energy 2", "组合无功2电能"}},
	{0x00190000, byPhase14, "XXXXXX.XX", "kvarh", Text{"quadrant I reactive energy", "第一象限无功电能"}},
	{0x001A0000, byPhase14, "XXXXXX.XX", "kvarh", Text{"quadrant II reactive energy", "第二象限无功电能"}},
	{0x001B0000, byPhase14, "XXXXXX.XX", "kvarh", Text{"quadrant III reactive energy", "第三象限无功电能"}},
	{0x001C0000, byPhase14, "XXXXXX.XX", "kvarh", Text{"quadrant IV reactive energy", "第四象限无功电能"}},
	{0x001D0000, byPhase14, "XXXXXX.XX", "kVAh", Text{"forward apparent energy", "正向视在电能"}},
	{0x001E0000, byPhase14, "XXXXXX.XX", "kVAh", Text{"reverse apparent energy", "反向视在电能"}},
	{0x00800000, byPast14, "±XXXXXX.XX", "kWh", Text{"associated energy", "关联总电能"}},
	{0x00810000, byPast14, "XXXXXX.XX", "kWh", Text{"forward fundamental energy", "正向有功基波总电能"}},
	{0x00820000, byPast14, "XXXXXX.XX", "kWh", Text{"reverse fundamental energy", "反向有功基波总电能"}},
	{0x00830000, byPast14, "XXXXXX.XX", "kWh", Text{"forward harmonic energy", "正向有功谐波总电能"}},
	{0x00840000, byPast14, "XXXXXX.XX", "kWh", Text{"reverse harmonic energy", "反向有功谐波总电能"}},
	{0x00850000, byPast14, "XXXXXX.XX", "kWh", Text{"copper loss energy", "铜损有功总电能补偿量"}},
	{0x00860000, byPast14, "XXXXXX.XX", "kWh", Text{"iron loss energy", "铁损有功总电能补偿量"}},
	{0x00900100, single, "XXXXXX.XX", "kWh", Text{"energy left", "剩余电量"}},
	{0x00900101, single, "XXXXXX.XX", "kWh", Text{"energy overdrawn", "透支电量"}},
	{0x00900200, single, "XXXXXX.XX", "yuan", Text{"money left", "剩余金额"}},
	{0x00900201, single, "XXXXXX.XX", "yuan", Text{"money overdrawn", "透支金额"}},
	{0x00940000, byPhase14, "±XXXXXX.XX", "kWh", Text{"associated energy", "关联电能"}},
	{0x00950000, byPhase14, "XXXXXX.XX", "kWh", Text{"forward fundamental energy", "正向有功基波电能"}},
	{0x00960000, byPhase14, "XXXXXX.XX", "kWh", Text{"reverse fundamental energy", "反向有功基波电能"}},
	{0x00970000, byPhase14, "XXXXXX.XX", "kWh", Text{"forward harmonic energy", "正向有功谐波电能"}},
	{0x00980000, byPhase14, "XXXXXX.XX", "kWh", Text{"reverse harmonic energy", "反向有功谐波电能"}},
	{0x00990000, byPhase14, "XXXXXX.XX", "kWh", Text{"copper loss energy", "铜损有功电能补偿量"}},
	{0x009A0000, byPhase14, "XXXXXX.XX", "kWh", Text{"iron loss energy", "铁损有功电能补偿量"}},

	// A.2 Maximum demand and the time of its occurrence.
	{0x01010000, byTariff, "XX.XXXX+YYMMDDhhmm", "kW", Text{"forward active maximum demand", "正向有功最大需量"}},
	{0x01020000, byTariff, "XX.XXXX+YYMMDDhhmm", "kW", Text{"reverse active maximum demand", "反向有功最大需量"}},
	{0x01030000, byTariff, "±XX.XXXX+YYMMDDhhmm", "kvar", Text{"combined reactive 1 maximum demand", "组合无功1最大需量"}},
	{0x01040000, byTariff, "±XX.XXXX+YYMMDDhhmm", "kvar", Text{"combined reactive 2 maximum demand", "组合无功2最大需量"}},
	{0x01050000, byTariff, "XX.XXXX+YYMMDDhhmm", "kvar", Text{"quadrant I maximum demand", "第一象限无功最大需量"}},
	{0x01060000, byTariff, "XX.XXXX+YYMMDDhhmm", "kvar", Text{"quadrant II maximum demand", "第二象限无功最大需量"}},
	{0x01070000, byTariff, "XX.XXXX+YYMMDDhhmm", "kvar", Text{"quadrant III maximum demand", "第三象限无功最大需量"}},
	{0x01080000, byTariff, "XX.XXXX+YYMMDDhhmm", "kvar", Text{"quadrant IV maximum demand", "第四象限无功最大需量"}},
	{0x01090000, byTariff, "XX.XXXX+YYMMDDhhmm", "kVA", Text{"forward apparent maximum demand", "正向视在最大需量"}},
	{0x010A0000, byTariff, "XX.XXXX+YYMMDDhhmm", "kVA", Text{"reverse apparent maximum demand", "反向视在最大需量"}},

	// A.3 Variables.
	{0x02010000, byPhase, "XXX.X", "V", Text{"voltage", "电压"}},
	{0x02020000, byPhase, "±XXX.XXX/4", "A", Text{"current", "电流"}},
	{0x02030000, byTotal, "±XX.XXXX/4", "kW", Text{"active power", "有功功率"}},
	{0x02040000, byTotal, "±XX.XXXX/4", "kvar", Text{"reactive power", "无功功率"}},
	{0x02050000, byTotal, "±XX.XXXX/4", "kVA", Text{"apparent power", "视在功率"}},
	{0x02060000, byTotal, "±X.XXX", "", Text{"power factor", "功率因数"}},
	{0x02070000, byPhase, "XXX.X", "deg", Text{"phase angle", "相角"}},
	{0x02080000, byPhase, "XX.XX", "%", Text{"voltage distortion", "电压波形失真度"}},
	{0x02090000, byPhase, "XX.XX", "%", Text{"current distortion", "电流波形失真度"}},
	{0x020A0000, byOrder, "XX.XX", "%", Text{"voltage harmonic", "电压谐波含量"}},
	{0x020B0000, byOrder, "XX.XX", "%", Text{"current harmonic", "电流谐波含量"}},
	{0x02800001, single, "±XXX.XXX/2", "A", Text{"neutral current", "零线电流"}},
	{0x02800002, single, "XX.XX", "Hz", Text{"frequency", "电网频率"}},
	{0x02800003, single, "±XX.XXXX", "kW", Text{"one-minute average active power", "一分钟有功总平均功率"}},
	{0x02800004, single, "±XX.XXXX", "kW", Text{"present active demand", "当前有功需量"}},
	{0x02800005, single, "±XX.XXXX", "kvar", Text{"present reactive demand", "当前无功需量"}},
	{0x02800006, single, "±XX.XXXX", "kVA", Text{"present apparent demand", "当前视在需量"}},
	{0x02800007, single, "±XXX.X", "degC", Text{"temperature in the meter", "表内温度"}},
	{0x02800008, single, "XX.XX", "V", Text{"clock battery voltage", "时钟电池电压"}},
	{0x02800009, single, "XX.XX", "V", Text{"reading battery voltage", "停电抄表电池电压"}},
	{0x0280000A, single, "NNNNNNNN", "min", Text{"internal battery working time", "内部电池工作时间"}},
	{0x0280000B, single, "XXXX.XXXX", "yuan/kWh", Text{"present step price", "当前阶梯电价"}},          // later
	{0x02800020, single, "XXXX.XXXX", "yuan/kWh", Text{"present price", "当前电价"}},                 // later
	{0x02800021, single, "XXXX.XXXX", "yuan/kWh", Text{"present tariff price", "当前费率电价"}},        // later
	{0x02800022, single, "NNNN", "min", Text{"identity authentication time left", "身份认证时效剩余时间"}}, // later
	{0x02800023, single, "NN", "min", Text{"infrared authentication time left", "红外认证时效剩余时间"}},   // later
	{0x02920200, single, "±XXXXX.X", "A", Text{"A-phase current, high range", "A相电流(大量程)"}},      // vendor
	{0x02920300, single, "±XXXXX.X", "A", Text{"B-phase current, high range", "B相电流(大量程)"}},      // vendor
	{0x02920400, single, "±XXXXX.X", "A", Text{"C-phase current, high range", "C相电流(大量程)"}},      // vendor
	{0x02930000, byTotal, "±XXXX.XX", "kW", Text{"active power, high range", "有功功率(大量程)"}},       // vendor
	{0x02940000, byTotal, "±XXXX.XX", "kvar", Text{"reactive power, high range", "无功功率(大量程)"}},   // vendor
	{0x02950000, byTotal, "±XXXX.XX", "kVA", Text{"apparent power, high range", "视在功率(大量程)"}},    // vendor
	{0x02A30000, byTotal, "±XXXX.XXXX", "kW", Text{"active power, high range", "有功功率(大量程)"}},     // vendor
	{0x02A40000, byTotal, "±XXXX.XXXX", "kvar", Text{"reactive power, high range", "无功功率(大量程)"}}, // vendor
	{0x02A50000, byTotal, "±XXXX.XXXX", "kVA", Text{"apparent power, high range", "视在功率(大量程)"}},  // vendor

	// A.4 Event counts. The records are in records2007.
	{0x03110000, single, "NNNNNN", "", Text{"power-off count", "掉电总次数"}},
	{0x03300000, single, "NNNNNN", "", Text{"programming count", "编程总次数"}},
	{0x03300100, single, "NNNNNN", "", Text{"meter clear count", "电表清零总次数"}},
	{0x03300200, single, "NNNNNN", "", Text{"demand reset count", "需量清零总次数"}},
	{0x03300300, single, "NNNNNN", "", Text{"event clear count", "事件清零总次数"}},
	{0x03300400, single, "NNNNNN", "", Text{"clock set count", "校时总次数"}},
	{0x03300500, single, "NNNNNN", "", Text{"day-period table programming count", "时段表编程总次数"}},
	{0x03300600, single, "NNNNNN", "", Text{"time-zone table programming count", "时区表编程总次数"}},
	{0x03300700, single, "NNNNNN", "", Text{"weekend programming count", "周休日编程总次数"}},
	{0x03300800, single, "NNNNNN", "", Text{"holiday programming count", "节假日编程总次数"}},
	{0x03300900, single, "NNNNNN", "", Text{"active combination programming count", "有功组合方式编程总次数"}},
	{0x03300A00, single, "NNNNNN", "", Text{"reactive combination 1 programming count", "无功组合方式1编程总次数"}},
	{0x03300B00, single, "NNNNNN", "", Text{"reactive combination 2 programming count", "无功组合方式2编程总次数"}},
	{0x03300C00, single, "NNNNNN", "", Text{"settlement day programming count", "结算日编程总次数"}},
	{0x03300D00, single, "NNNNNN", "", Text{"meter cover opened count", "开表盖总次数"}},
	{0x03300E00, single, "NNNNNN", "", Text{"terminal cover opened count", "开端钮盖总次数"}},
	{0x03350000, single, "NNNNNN", "", Text{"magnetic field count", "恒定磁场干扰总次数"}}, // later

	// A.5 Parameters.
	{0x04000101, single, "YYMMDDWW", "", Text{"date", "日期"}},
	{0x04000102, single, "hhmmss", "", Text{"time", "时间"}},
	{0x04000103, single, "NN", "min", Text{"maximum demand period", "最大需量周期"}},
	{0x04000104, single, "NN", "min", Text{"sliding time", "滑差时间"}},
	{0x04000105, single, "XXXX", "ms", Text{"calibration pulse width", "校表脉冲宽度"}},
	{0x04000106, single, "YYMMDDhhmm", "", Text{"switch time of the time-zone tables", "两套时区表切换时间"}},
	{0x04000107, single, "YYMMDDhhmm", "", Text{"switch time of the day-period tables", "两套日时段表切换时间"}},
	{0x04000108, single, "YYMMDDhhmm", "", Text{"switch time of the tariff prices", "两套费率电价切换时间"}}, // later
	{0x04000109, single, "YYMMDDhhmm", "", Text{"switch time of the step prices", "两套阶梯切换时间"}},     // later
	{0x0400010C, single, "YYMMDDWWhhmmss", "", Text{"date", "日期"}},                                 // later
	{0x04000201, single, "NN", "", Text{"number of year zones", "年时区数"}},
	{0x04000202, single, "NN", "", Text{"number of day tables", "日时段表数"}},
	{0x04000203, single, "NN", "", Text{"number of day periods", "日时段数"}},
	{0x04000204, single, "NN", "", Text{"number of tariffs", "费率数"}},
	{0x04000205, single, "NNNN", "", Text{"number of holidays", "公共假日数"}},
	{0x04000206, single, "NN", "", Text{"number of harmonic orders", "谐波分析次数"}},
	{0x04000301, single, "NN", "", Text{"display: screens that scroll", "自动循环显示屏数"}},
	{0x04000302, single, "NN", "s", Text{"display: seconds a screen", "每屏显示时间"}},
	{0x04000303, single, "NN", "", Text{"display: decimals of energies", "显示电能小数位数"}},
	{0x04000304, single, "NN", "", Text{"display: decimals of powers", "显示功率小数位数"}},
	{0x04000305, single, "NN", "", Text{"display: screens by key", "按键循环显示屏数"}},
	{0x04000306, single, "NNNNNN", "", Text{"current transformer ratio", "电流互感器变比"}}, // later
	{0x04000307, single, "NNNNNN", "", Text{"voltage transformer ratio", "电压互感器变比"}}, // later
	{0x04000401, single, "N12", "", Text{"communication address", "通信地址"}},
	{0x04000402, single, "N12", "", Text{"meter number", "表号"}},
	{0x04000403, single, "A32", "", Text{"asset code", "资产管理编码"}},
	{0x04000404, single, "A6", "", Text{"rated voltage", "额定电压"}},
	{0x04000405, single, "A6", "", Text{"rated current", "额定电流"}},
	{0x04000406, single, "A6", "", Text{"maximum current", "最大电流"}},
	{0x04000407, single, "A4", "", Text{"active accuracy class", "有功准确度等级"}},
	{0x04000408, single, "A4", "", Text{"reactive accuracy class", "无功准确度等级"}},
	{0x04000409, single, "NNNNNN", "imp/kWh", Text{"active meter constant", "有功常数"}},
	{0x0400040A, single, "NNNNNN", "imp/kvarh", Text{"reactive meter constant", "无功常数"}},
	{0x0400040B, single, "A10", "", Text{"meter model", "电表型号"}},
	{0x0400040C, single, "A10", "", Text{"production date", "生产日期"}},
	{0x0400040D, single, "A16", "", Text{"protocol version", "协议版本号"}},
	{0x0400040E, single, "N12", "", Text{"customer number", "客户编号"}}, // later
	{0x04000500, byWord, "B16", "", Text{"status word", "运行状态字"}},
	{0x04000601, single, "B8", "", Text{"active combination word", "有功组合方式特征字"}},
	{0x04000602, single, "B8", "", Text{"reactive combination word 1", "无功组合方式1特征字"}},
	{0x04000603, single, "B8", "", Text{"reactive combination word 2", "无功组合方式2特征字"}},
	{0x04000701, single, "B8", "", Text{"baud word, modulated infrared", "调制型红外光口通信速率特征字"}},
	{0x04000702, single, "B8", "", Text{"baud word, contact infrared", "接触式红外光口通信速率特征字"}},
	{0x04000703, single, "B8", "", Text{"baud word, port 1", "通信口1通信速率特征字"}},
	{0x04000704, single, "B8", "", Text{"baud word, port 2", "通信口2通信速率特征字"}},
	{0x04000705, single, "B8", "", Text{"baud word, port 3", "通信口3通信速率特征字"}},
	{0x04000801, single, "B8", "", Text{"weekend word", "周休日特征字"}},
	{0x04000802, single, "NN", "", Text{"weekend day table", "周休日采用的日时段表号"}},
	{0x04000901, single, "B8", "", Text{"load record mode word", "负荷记录模式字"}},
	{0x04000902, single, "B8", "", Text{"timed freeze mode word", "定时冻结数据模式字"}},
	{0x04000903, single, "B8", "", Text{"instant freeze mode word", "瞬时冻结数据模式字"}},
	{0x04000904, single, "B8", "", Text{"switch freeze mode word", "约定冻结数据模式字"}},
	{0x04000905, single, "B8", "", Text{"hourly freeze mode word", "整点冻结数据模式字"}},
	{0x04000906, single, "B8", "", Text{"daily freeze mode word", "日冻结数据模式字"}},
	{0x04000A01, single, "MMDDhhmm", "", Text{"load record start", "负荷记录起始时间"}},
	{0x04000A02, single, "NNNN", "min", Text{"load record interval of class 1", "第1类负荷记录间隔时间"}},
	{0x04000A03, single, "NNNN", "min", Text{"load record interval of class 2", "第2类负荷记录间隔时间"}},
	{0x04000A04, single, "NNNN", "min", Text{"load record interval of class 3", "第3类负荷记录间隔时间"}},
	{0x04000A05, single, "NNNN", "min", Text{"load record interval of class 4", "第4类负荷记录间隔时间"}},
	{0x04000A06, single, "NNNN", "min", Text{"load record interval of class 5", "第5类负荷记录间隔时间"}},
	{0x04000A07, single, "NNNN", "min", Text{"load record interval of class 6", "第6类负荷记录间隔时间"}},
	{0x04000B01, single, "DDhh", "", Text{"settlement day 1", "每月第1结算日"}},
	{0x04000B02, single, "DDhh", "", Text{"settlement day 2", "每月第2结算日"}},
	{0x04000B03, single, "DDhh", "", Text{"settlement day 3", "每月第3结算日"}},
	{0x04000C00, byLevel, "O4", "", Text{"password of level", "密码 权限"}},
	{0x04000E01, single, "XX.XXXX", "kW", Text{"forward active power limit", "正向有功功率上限值"}},
	{0x04000E02, single, "XX.XXXX", "kW", Text{"reverse active power limit", "反向有功功率上限值"}},
	{0x04000E03, single, "XXX.X", "V", Text{"voltage upper limit", "电压上限值"}},
	{0x04000E04, single, "XXX.X", "V", Text{"voltage lower limit", "电压下限值"}},
	{0x04000F01, single, "XXXXXX.XX", "kWh", Text{"alarm energy 1", "报警电量1限值"}},
	{0x04000F02, single, "XXXXXX.XX", "kWh", Text{"alarm energy 2", "报警电量2限值"}},
	{0x04001001, single, "XXXXXX.XX", "yuan", Text{"alarm money 1", "报警金额1限值"}},
	{0x04001002, single, "XXXXXX.XX", "yuan", Text{"alarm money 2", "报警金额2限值"}},
	{0x04001101, single, "B8", "", Text{"meter running word", "电表运行特征字1"}},      // later
	{0x04001104, single, "B64", "", Text{"active report mode word", "主动上报模式字"}}, // later
	{0x04001501, single, "O", "", Text{"active report status word", "主动上报状态字"}}, // later
	{0x04001503, single, "O12", "", Text{"active report reset", "主动上报状态字复位"}},   // later
	{0x04010000, single, "MMDDNN#", "", Text{"time-zone table, set 1", "第一套时区表"}},
	{0x04010000, byNumber, "hhmmNN#", "", Text{"day table, set 1", "第一套日时段表"}},
	{0x04020000, single, "MMDDNN#", "", Text{"time-zone table, set 2", "第二套时区表"}},
	{0x04020000, byNumber, "hhmmNN#", "", Text{"day table, set 2", "第二套日时段表"}},
	{0x04030000, byNumber, "YYMMDDNN", "", Text{"holiday", "公共假日"}},
	{0x04090201, single, "XXX.X", "V", Text{"under-voltage event threshold", "欠压事件电压触发上限"}}, // later
	{0x04090202, single, "NN", "s", Text{"under-voltage event delay", "欠压事件判定延时时间"}},        // later
	{0x04090301, single, "XXX.X", "V", Text{"over-voltage event threshold", "过压事件电压触发下限"}},  // later
	{0x04090302, single, "NN", "s", Text{"over-voltage event delay", "过压事件判定延时时间"}},         // later
	{0x04090801, single, "XXX.X", "A", Text{"over-current event threshold", "过流事件电流触发下限"}},  // later
	{0x04090802, single, "NN", "s", Text{"over-current event delay", "过流事件判定延时时间"}},         // later
	{0x04090B01, single, "XX.XXXX", "kW", Text{"overload event threshold", "过载事件有功功率触发下限"}}, // later
	{0x04090B02, single, "NN", "s", Text{"overload event delay", "过载事件判定延时时间"}},             // later
	{0x04800001, single, "A", "", Text{"software version", "软件版本号"}},
	{0x04800002, single, "A", "", Text{"hardware version", "硬件版本号"}},
	{0x04800003, single, "A", "", Text{"vendor code", "厂家编号"}},

	// A.6 Freeze. Blocks give the items of the single identifiers.
	{0x05000000, byFreeze, "YYMMDDhhmm", "", Text{"freeze time", "冻结时间"}},
	{0x05000100, byFreeze, "XXXXXX.XX*", "kWh", Text{"freeze forward active energy", "冻结正向有功电能"}},
	{0x05000200, byFreeze, "XXXXXX.XX*", "kWh", Text{"freeze reverse active energy", "冻结反向有功电能"}},
	{0x05000300, byFreeze, "±XXXXXX.XX*", "kvarh", Text{"freeze combined reactive energy 1", "冻结组合无功1电能"}},
	{0x05000400, byFreeze, "±XXXXXX.XX*", "kvarh", Text{"freeze combined reactive energy 2", "冻结组合无功2电能"}},
	{0x05000500, byFreeze, "XXXXXX.XX*", "kvarh", Text{"freeze quadrant I reactive energy", "冻结第一象限无功电能"}},
	{0x05000600, byFreeze, "XXXXXX.XX*", "kvarh", Text{"freeze quadrant II reactive energy", "冻结第二象限无功电能"}},
	{0x05000700, byFreeze, "XXXXXX.XX*", "kvarh", Text{"freeze quadrant III reactive energy", "冻结第三象限无功电能"}},
	{0x05000800, byFreeze, "XXXXXX.XX*", "kvarh", Text{"freeze quadrant IV reactive energy", "冻结第四象限无功电能"}},
	{0x05000900, byFreeze, "XX.XXXX+YYMMDDhhmm*", "kW", Text{"freeze forward active maximum demand", "冻结正向有功最大需量"}},
	{0x05000A00, byFreeze, "XX.XXXX+YYMMDDhhmm*", "kW", Text{"freeze reverse active maximum demand", "冻结反向有功最大需量"}},
	{0x05040000, byRecord, "YYMMDDhhmm", "", Text{"hourly freeze time", "整点冻结时间"}},
	{0x05040100, byRecord, "XXXXXX.XX", "kWh", Text{"hourly freeze forward active energy", "整点冻结正向有功总电能"}},
	{0x05040200, byRecord, "XXXXXX.XX", "kWh", Text{"hourly freeze reverse active energy", "整点冻结反向有功总电能"}},

	{0x0500FF00, byFreeze, "FREEZE", "", Text{"freeze block", "冻结数据块"}},
	{0x0504FF00, byRecord, "FREEZE", "", Text{"hourly freeze block", "整点冻结数据块"}},

	// A.7 Load records.
	{0x06000000, byClass, "LOAD", "", Text{"load record", "负荷记录"}},

	// Later: events of State Grid meters.
	{0x1D000001, single, "NNNNNN", "", Text{"trip count", "跳闸总次数"}},
	{0x1E000001, single, "NNNNNN", "", Text{"close count", "合闸总次数"}},
	{0x1D000100, byRecord, "YYMMDDhhmmss", "", Text{"trip time", "跳闸发生时刻"}},
	{0x1E000100, byRecord, "YYMMDDhhmmss", "", Text{"close time", "合闸发生时刻"}},
}
