import EventModel
import Testing

/// The normal form of a text, whether it had to be copied or not.
func normalForm(_ text: [UInt8], depthMax: Int = 64) throws(JSONError) -> [UInt8] {
  try JSONNormalForm.normalise(text.raw, depthMax: depthMax) ?? text
}

func normalForm(_ text: String) throws(JSONError) -> String { String(decoding: try normalForm([UInt8](text.utf8)), as: UTF8.self) }

@Suite struct `JSON in normal form` {
  @Test func `RFC 8785 section 3.2.2 and 3.2.3: the example, but for its first number, which keeps all its digits`() throws {
    let text = #"""
      {
        "numbers": [333333333.33333329, 1E30, 4.50,
                    2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
      }
      """#
    let expected =
      #"{"literals":[null,true,false],"numbers":[333333333.33333329,1e+30,4.5,0.002,1e-27],"# + #""string":"€$\u000f\nA'B\"\\\\\"/"}"#
    #expect(try normalForm(text) == expected)
  }

  @Test func `RFC 8785 section 3.2.3: members are sorted by UTF-16 code units`() throws {
    let text = #"""
      {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\ud83d\ude00": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"
      }
      """#
    let expected =
      #"{"\r":"Carriage Return","1":"One","\#u{80}":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","#
      + #""😀":"Emoji: Grinning Face","\#u{FB33}":"Hebrew Letter Dalet With Dagesh"}"#
    #expect(try normalForm(text) == expected)
  }

  @Test(arguments: [
    // RFC 8785 appendix B, as its shortest digits; the last three columns of digits there are those of doubles.
    "0", "5e-324", "-5e-324", "1.7976931348623157e+308", "-1.7976931348623157e+308", "9007199254740992", "-9007199254740992",
    "295147905179352830000", "9.999999999999997e+22", "1e+23", "1.0000000000000001e+23", "999999999999999700000", "999999999999999900000",
    "1e+21", "9.999999999999997e-7", "0.000001", "333333333.3333332", "333333333.33333325", "333333333.3333333", "333333333.3333334",
    "333333333.33333343", "-0.0000033333333333333333", "1424953923781206.2",
    // Exact: more digits than a double has.
    "18446744073709551615", "340282366920938463463", "3.40282366920938463463374607431768211455e+38", "0.1234567890123456789012345",
    "123456789012345678901.5", "-0.5", "0.00000123", "1.23e-7", "100000000000000000000",
  ])
  func `numbers in normal form stay as they are`(text: String) throws {
    #expect(try JSONNormalForm.normalise([UInt8](text.utf8).raw) == nil)
  }

  @Test(arguments: [
    ("1.50", "1.5"), ("1e2", "100"), ("-0", "0"), ("-0.0e-5", "0"), ("0e999999999999999999999", "0"), ("1E400", "1e+400"), ("12.0", "12"),
    ("100e-2", "1"), ("1e20", "100000000000000000000"), ("1e21", "1e+21"), ("1000000000000000000000", "1e+21"), ("0.0000001", "1e-7"),
    ("0.000001000", "0.000001"), ("10e-7", "0.000001"), ("123456789012345678901234", "1.23456789012345678901234e+23"),
    ("0.1e1", "1"), ("1.5e-0", "1.5"), ("12345e-10", "0.0000012345"), ("12345e-11", "1.2345e-7"), ("1e0000000000000000000000001", "10"),
    ("0." + String(repeating: "0", count: 10_000) + "1e10001", "1"), ("1" + String(repeating: "0", count: 9000) + "e-9000", "1"),
    ("1e9998", "1e+9998"), ("0.1e9999", "1e+9998"), ("1e-10000", "1e-10000"),
  ])
  func `a number is written as its exact decimal`(text: String, expected: String) throws { #expect(try normalForm(text) == expected) }

  @Test func `numbers have limits`() throws {
    let digits = String(repeating: "7", count: 1024)
    #expect(try normalForm(digits) == "7." + digits.dropFirst() + "e+1023")
    #expect(try normalForm("0.000" + digits + "000") == "0.000" + digits)
    for text in ["7" + digits, "7.\(digits)", "1e9999", "1e-10001", "-1e+9999", "1e99999999999999999999", "1e-99999999999999999999"] {
      #expect(throws: JSONError(.numberOutOfRange, at: 1)) { try normalForm("[\(text)]") }
    }
  }

  @Test(arguments: [
    (#""\u0000\u001F\u001f\u007f""#, "\"\\u0000\\u001f\\u001f\u{7F}\""), (#""\u0008\u0009\u000A\u000c\u000d""#, #""\b\t\n\f\r""#),
    (#""\/\u002F\u0022\u005C""#, #""//\"\\""#), (#""\ud83d\uDE00""#, "\"😀\""), (#""\u0041\u030a""#, "\"A\u{30A}\""),
    (#""\u00e5""#, "\"å\""),
    (#"{"\u0061":1}"#, #"{"a":1}"#), (#"{"b\n":1,"a":2}"#, #"{"a":2,"b\n":1}"#), ("[ ]", "[]"), ("{\t}", "{}"), (" 1\n", "1"),
    (#"[1, 2,[3 ,4],"x", {"b":[ ],"a":{}}]"#, #"[1,2,[3,4],"x",{"a":{},"b":[]}]"#),
    (#"{"":1,"\u0000":2,"a":[1.0]}"#, #"{"":1,"\u0000":2,"a":[1]}"#),
    (#"{"a":{"d":1,"c":2},"A":[{"y":0,"x":0},1,2]}"#, #"{"A":[{"x":0,"y":0},1,2],"a":{"c":2,"d":1}}"#),
  ])
  func `every spelling of a value has one normal form`(text: String, expected: String) throws {
    #expect(try normalForm(text) == expected)
    #expect(try JSONNormalForm.normalise([UInt8](expected.utf8).raw) == nil)
  }

  @Test(
    arguments: [
      ("", .unexpectedEnd, 0), (" ", .unexpectedEnd, 1), ("\u{FEFF}{}", .byteOrderMark, 0), ("[1,]", .unexpectedByte, 3),
      ("[1 2]", .unexpectedByte, 3),
      ("{} x", .notWhitespace, 3), (#"{"a":1,"b":2,"a":3}"#, .duplicateName, 13), (#"{"a":1,"\u0061":3}"#, .duplicateName, 7),
      (#"{"b":1,"a":2,"b":3,"a":4}"#, .duplicateName, 13), (#"{"\u0062":1,"a":2,"c":0,"\u0062":3,"b":4}"#, .duplicateName, 24),
      (#"["\ud800"]"#, .loneSurrogate, 2), (#"["ab\udc00"]"#, .loneSurrogate, 4), (#"["\ud800\u0041"]"#, .loneSurrogate, 2),
      (#"["\x"]"#, .escape, 2),
      (#"["\u12G4"]"#, .escape, 2), ("[\"a\tb\"]", .controlCharacter, 3), ("[tru]", .unexpectedByte, 4), ("nul", .unexpectedEnd, 3),
      ("[01]", .number, 1),
      ("[1.]", .number, 3), ("[-]", .number, 2), ("[1e+]", .number, 4), ("[+1]", .unexpectedByte, 1), ("{a:1}", .unexpectedByte, 1),
      (#"{"a" 1}"#, .unexpectedByte, 5), (#"{"a":1,}"#, .unexpectedByte, 7), (#"["abc"#, .unexpectedEnd, 5),
      (#"["\u12"#, .unexpectedEnd, 6),
      (#"{"a":[1,{"b":}]}"#, .unexpectedByte, 13), ("[", .unexpectedEnd, 1), ("[1,", .unexpectedEnd, 3), ("{\"a\":1", .unexpectedEnd, 6),
      ("1.", .unexpectedEnd, 2),
    ] as [(String, JSONError.Reason, Int)])
  func `an error says where it is`(text: String, reason: JSONError.Reason, offset: Int) {
    #expect(throws: JSONError(reason, at: offset)) { try normalForm(text) }
  }

  @Test(
    arguments: [
      [0xFF], [0x80], [0xC0, 0xAF], [0xC1, 0x81], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
      [0xF4, 0x90, 0x80, 0x80],
      [0xF5, 0x80, 0x80, 0x80], [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98],
    ] as [[UInt8]])
  func `malformed UTF-8 is refused, wherever it stands in a string`(bytes: [UInt8]) {
    for padding in 0..<20 {
      let text = [0x22] + [UInt8](repeating: 0x61, count: padding) + bytes + [0x22]
      #expect(throws: JSONError(.notUTF8, at: 1 + padding)) { try normalForm(text) }
      #expect(throws: JSONError(.notUTF8, at: 1 + padding)) { try normalForm(text.dropLast()) }
    }
  }

  @Test func `nesting is bounded`() throws {
    for depth in 1...4 {
      let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
      #expect(try JSONNormalForm.normalise([UInt8](text.utf8).raw, depthMax: depth) == nil)
      #expect(throws: JSONError(.tooDeep, at: depth)) { try normalForm([UInt8]("[\(text)]".utf8), depthMax: depth) }
      #expect(throws: JSONError(.tooDeep, at: 4 + depth)) { try normalForm([UInt8]("{\"a\":\(text)}".utf8), depthMax: depth) }
    }
    let deep = String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000)
    #expect(try JSONNormalForm.normalise([UInt8](deep.utf8).raw, depthMax: 1000) == nil)
    #expect(throws: JSONError(.tooDeep, at: 64)) { try normalForm(deep) }
  }

  @Test func `a string is written as normal form has it`() throws {
    for (string, expected) in [
      ("", #""""#), ("a\"b\\c/\u{7F}", "\"a\\\"b\\\\c/\u{7F}\""), ("\0\u{8}\t\n\u{B}\u{C}\r\u{1F}é😀", #""\u0000\b\t\n\u000b\f\r\u001fé😀""#),
    ] {
      var bytes: [UInt8] = []
      JSONText.append(string: string, to: &bytes)
      #expect(String(decoding: bytes, as: UTF8.self) == expected)
      #expect(try JSONNormalForm.normalise(bytes.raw) == nil)
    }
  }
}
