/// A semigroup: `joined` is associative, the receiver happened first. No identity: a group is never empty.
///
/// Built in: `Count`, `Sum` (of `Int`, `DecimalNumber`, `Double`), `Min`, `Max`, `Stats`, `Average`, `First`, `Last`, `Distinct`,
/// `Quantiles`, `Top`, `Recent`; composed as members of a struct. What is stored of one should not be longer than 4 080 bytes: in a
/// composed row, which is stored as JSON, a sketch takes a quarter more than alone, so one of them fits beside smaller reducers.
public protocol Reducible: Codable, Sendable {
  func joined(_ later: Self) -> Self

  /// May values of several keys be joined in key order? All built-ins may: `First`, `Last`, `Top` and `Recent` are made with
  /// `when` and compare it. Default false.
  static var commutative: Bool { get }
}

extension Reducible {
  public static var commutative: Bool { false }
}

/// Tells a coder that a reducer's whole state is wanted, to be stored and joined on, not the answer that it gives.
///
/// Reducers whose answer says less than their state (`Last`, `Average`, `Distinct`) ask for it, so that composing them by Codable works.
enum StoredForm {
  static let key = CodingUserInfoKey(rawValue: "laterbase.storedForm")
  static let userInfo: [CodingUserInfoKey: any Sendable] = key.map { [$0: true] } ?? [:]
}

extension Encoder {
  var wantsStoredForm: Bool { StoredForm.key.map { userInfo[$0] != nil } ?? false }
}

extension Decoder {
  var hasStoredForm: Bool { StoredForm.key.map { userInfo[$0] != nil } ?? false }
}
