/// Encodes Swift values as JSON in normal form, directly: members sorted by UTF-16 code units, numbers in the spelling of API.md §2.
///
/// Two encodings of equal values give equal bytes, whatever the order in which a type encodes its members. A floating-point number is
/// written with its shortest digits; infinities and NaN are an error unless `nonFinite` says otherwise. Of two members of one name the
/// one encoded later is kept.
public struct EventEncoder: Sendable {
  /// What becomes of infinities and NaN, which JSON doesn't have.
  public enum NonFinite: Sendable {
    /// An error, as in an event.
    case refused
    /// `null`, as in an answer.
    case null
    /// `"Infinity"`, `"-Infinity"`, `"NaN"`, which `EventDecoder` reads back if it is told to: for what is only stored.
    case text
  }

  public var userInfo: [CodingUserInfoKey: any Sendable]
  public var nonFinite: NonFinite

  public init(userInfo: [CodingUserInfoKey: any Sendable] = [:], nonFinite: NonFinite = .refused) {
    (self.userInfo, self.nonFinite) = (userInfo, nonFinite)
  }

  /// Appends the value's JSON; appends nothing if it throws.
  ///
  /// - Throws: `EncodingError`, and whatever the type's own `encode(to:)` throws.
  public func encode<T: Encodable>(_ value: T, to bytes: inout [UInt8]) throws {
    let root = ValueEncoder(node: EncodedNode(), options: self, path: .root)
    try root.encode(value)
    guard root.node.shape != .nothing else {
      throw EncodingError.invalidValue(value, EncodingError.Context(codingPath: [], debugDescription: "\(T.self) encodes no value"))
    }
    if let fault = root.node.fault { throw fault }
    root.node.write(to: &bytes)
  }

  /// - Throws: as `encode(_:to:)`.
  public func encode<T: Encodable>(_ value: T) throws -> JSON {
    var bytes: [UInt8] = []
    try encode(value, to: &bytes)
    return JSON(normalForm: bytes)
  }
}

/// A value that is being encoded. Its members come in any order and may be nodes that are still being filled (nested containers,
/// super encoders), so an object is put together, sorted, when all is there.
final class EncodedNode {
  enum Shape { case nothing, single, array, object }

  /// A member or element: its name (raw) and its value lie in `bytes`, or the value is a node.
  struct Part {
    var name: Range<Int>
    var value: Range<Int>
    var node: EncodedNode?
  }

  private(set) var shape = Shape.nothing
  /// A single value; or the names and values of the parts.
  var bytes: [UInt8] = []
  private(set) var parts: [Part] = []
  private var ownFault: EncodingError?

  /// The first thing that cannot be encoded here or below.
  var fault: EncodingError? { ownFault ?? parts.lazy.compactMap { $0.node?.fault }.first }

  var count: Int { parts.count }

  /// Takes the shape; a type that asks for a container of another shape than before has a fault.
  func become(_ shape: Shape) {
    if self.shape == .nothing {
      self.shape = shape
      if shape != .single {
        bytes.reserveCapacity(256)
        parts.reserveCapacity(8)
      }
    }
    guard self.shape != shape else { return }
    let context = EncodingError.Context(codingPath: [], debugDescription: "a value was encoded as two kinds of container")
    ownFault = ownFault ?? .invalidValue(self.shape, context)
  }

  @inline(__always) func appendMember(_ name: String, _ value: (inout [UInt8]) throws -> Void) rethrows {
    let start = bytes.count
    bytes.append(contentsOf: name.utf8)
    let middle = bytes.count
    try value(&bytes)
    parts.append(Part(name: start..<middle, value: middle..<bytes.count, node: nil))
  }

  @inline(__always) func appendElement(_ value: (inout [UInt8]) throws -> Void) rethrows {
    let start = bytes.count
    try value(&bytes)
    parts.append(Part(name: start..<start, value: start..<bytes.count, node: nil))
  }

  /// A part that will be filled later.
  func appendNode(_ name: String = "") -> EncodedNode {
    let node = EncodedNode()
    let start = bytes.count
    bytes.append(contentsOf: name.utf8)
    parts.append(Part(name: start..<bytes.count, value: bytes.count..<bytes.count, node: node))
    return node
  }

  /// Appends the value in normal form.
  func write(to out: inout [UInt8]) {
    switch shape {
    case .nothing: out.append(contentsOf: "{}".utf8)
    case .single: out.append(contentsOf: bytes)
    case .array: writeParts(parts, brackets: (UInt8(ascii: "["), UInt8(ascii: "]")), to: &out)
    case .object: writeParts(sortedMembers(), brackets: (UInt8(ascii: "{"), UInt8(ascii: "}")), to: &out)
    }
  }

  private func writeParts(_ parts: [Part], brackets: (UInt8, UInt8), to out: inout [UInt8]) {
    let source = bytes
    out.append(brackets.0)
    for (index, part) in parts.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      if shape == .object {
        out.appendString(source.raw.extracting(part.name))
        out.append(UInt8(ascii: ":"))
      }
      if let node = part.node { node.write(to: &out) } else { out.append(copying: source.raw.extracting(part.value)) }
    }
    out.append(brackets.1)
  }

  private func sortedMembers() -> [Part] {
    let source = bytes
    func precedes(_ a: Part, _ b: Part) -> Bool { source.raw.extracting(a.name).precedesAsMember(source.raw.extracting(b.name)) }
    guard !zip(parts, parts.dropFirst()).allSatisfy(precedes) else { return parts }
    var sorted: [Part] = []
    // Parts lie in the order of encoding; of equal names the later replaces the earlier.
    for part in parts.sorted(by: { precedes($0, $1) || !precedes($1, $0) && $0.name.lowerBound < $1.name.lowerBound }) {
      if let last = sorted.last, !precedes(last, part) { sorted.removeLast() }
      sorted.append(part)
    }
    return sorted
  }
}
