import EventModel
import Testing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files of the public JSON parsing test suite (nst/JSONTestSuite). Its `i_` cases may go either way; here each is decided.
enum JSONParsingCases {
  static let folder: URL? = ProcessInfo.processInfo.environment["LATERBASE_TEST_DATA"]
    .map { URL(filePath: $0).appending(path: "json/test_parsing") }
    .flatMap { FileManager.default.fileExists(atPath: $0.path) ? $0 : nil }

  static let names: [String] = (folder.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) } ?? [])
    .filter { $0.hasSuffix(".json") }.sorted()

  /// Why each refused `i_` file is refused.
  static let refused: [String: JSONError.Reason] = [
    "i_number_huge_exp": .numberOutOfRange, "i_number_neg_int_huge_exp": .numberOutOfRange,
    "i_number_pos_double_huge_exp": .numberOutOfRange,
    "i_number_real_neg_overflow": .numberOutOfRange, "i_number_real_pos_overflow": .numberOutOfRange,
    "i_number_real_underflow": .numberOutOfRange,
    "i_object_key_lone_2nd_surrogate": .loneSurrogate, "i_string_1st_surrogate_but_2nd_missing": .loneSurrogate,
    "i_string_1st_valid_surrogate_2nd_invalid": .loneSurrogate, "i_string_incomplete_surrogate_and_escape_valid": .loneSurrogate,
    "i_string_incomplete_surrogate_pair": .loneSurrogate, "i_string_incomplete_surrogates_escape_valid": .loneSurrogate,
    "i_string_invalid_lonely_surrogate": .loneSurrogate, "i_string_invalid_surrogate": .loneSurrogate,
    "i_string_inverted_surrogates_U+1D11E": .loneSurrogate, "i_string_lone_second_surrogate": .loneSurrogate,
    "i_string_UTF-8_invalid_sequence": .notUTF8, "i_string_UTF8_surrogate_U+D800": .notUTF8, "i_string_invalid_utf-8": .notUTF8,
    "i_string_iso_latin_1": .notUTF8, "i_string_lone_utf8_continuation_byte": .notUTF8, "i_string_not_in_unicode_range": .notUTF8,
    "i_string_overlong_sequence_2_bytes": .notUTF8, "i_string_overlong_sequence_6_bytes": .notUTF8,
    "i_string_overlong_sequence_6_bytes_null": .notUTF8, "i_string_truncated-utf-8": .notUTF8,
    "i_string_UTF-16LE_with_BOM": .unexpectedByte, "i_string_utf16BE_no_BOM": .unexpectedByte, "i_string_utf16LE_no_BOM": .unexpectedByte,
    "i_structure_500_nested_arrays": .tooDeep, "i_structure_UTF-8_BOM_empty_object": .byteOrderMark,
  ]
  static let accepted: Set<String> = [
    "i_number_double_huge_neg_exp", "i_number_too_big_neg_int", "i_number_too_big_pos_int", "i_number_very_big_negative_int",
  ]
}

@Suite(.enabled(if: JSONParsingCases.folder != nil, "LATERBASE_TEST_DATA names no folder with json/test_parsing"))
struct `JSON parsing suite` {
  private func normalForm(of name: String) throws -> [UInt8] {
    let text = [UInt8](try Data(contentsOf: try #require(JSONParsingCases.folder).appending(path: name)))
    return try JSONNormalForm.normalise(text.raw) ?? text
  }

  @Test func `every file is here and decided`() {
    #expect(JSONParsingCases.names.filter { $0.hasPrefix("y_") }.count == 95)
    #expect(JSONParsingCases.names.filter { $0.hasPrefix("n_") }.count == 188)
    let open = JSONParsingCases.names.filter { $0.hasPrefix("i_") }.map { String($0.dropLast(5)) }
    #expect(
      Set(open) == Set(JSONParsingCases.refused.keys).union(JSONParsingCases.accepted)
        && JSONParsingCases.accepted.isDisjoint(with: JSONParsingCases.refused.keys))
  }

  @Test(arguments: JSONParsingCases.names.filter { $0.hasPrefix("y_") })
  func `what must be accepted is, but for duplicate names`(name: String) throws {
    if name.hasPrefix("y_object_duplicated_") {
      #expect { try normalForm(of: name) } throws: { ($0 as? JSONError)?.reason == .duplicateName }
    } else {
      let normal = try normalForm(of: name)
      #expect(try JSONNormalForm.normalise(normal.raw) == nil)
    }
  }

  @Test(arguments: JSONParsingCases.names.filter { $0.hasPrefix("n_") })
  func `what must be refused is`(name: String) { #expect(throws: JSONError.self) { try normalForm(of: name) } }

  @Test(arguments: JSONParsingCases.names.filter { $0.hasPrefix("i_") })
  func `what may go either way goes one way`(name: String) throws {
    if let reason = JSONParsingCases.refused[String(name.dropLast(5))] {
      #expect { try normalForm(of: name) } throws: { ($0 as? JSONError)?.reason == reason }
    } else {
      #expect(throws: Never.self) { try normalForm(of: name) }
    }
  }
}
