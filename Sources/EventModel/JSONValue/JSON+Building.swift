/// Values made in code rather than read: literals, objects and arrays of other values. All give bytes in normal form.

extension JSON {
  /// `null`.
  public static let null = JSON(normalForm: [UInt8]("null".utf8))

  public init(_ value: Bool) { self.init(normalForm: [UInt8]((value ? "true" : "false").utf8)) }

  public init(_ text: String) {
    var bytes: [UInt8] = []
    bytes.appendString(text)
    self.init(normalForm: bytes)
  }

  public init(_ number: some FixedWidthInteger) {
    var bytes: [UInt8] = []
    bytes.appendNumber(number)
    self.init(normalForm: bytes)
  }

  /// - Returns: nil for infinities and NaN, which JSON doesn't have.
  public init?(_ number: Double) {
    var bytes: [UInt8] = []
    guard bytes.appendNumber(number) else { return nil }
    self.init(normalForm: bytes)
  }

  public init(_ elements: some Sequence<JSON>) {
    var bytes: [UInt8] = [UInt8(ascii: "[")]
    for element in elements {
      if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
      bytes.append(copying: element.raw)
    }
    bytes.append(UInt8(ascii: "]"))
    self.init(normalForm: bytes)
  }

  /// An object of these members; of two with one name the later is taken.
  public init(members: some Sequence<(name: String, value: JSON)>) {
    let node = EncodedNode()
    node.become(.object)
    for member in members { node.appendMember(member.name) { $0.append(copying: member.value.raw) } }
    var bytes: [UInt8] = []
    node.write(to: &bytes)
    self.init(normalForm: bytes)
  }

  /// This object with one member set, added, or (nil) left out. Other values than objects stay what they are.
  public func setting(_ name: String, to value: JSON?) -> JSON {
    guard var all = members else { return self }
    all.removeAll { $0.name == name }
    if let value { all.append((name, value)) }
    return JSON(members: all)
  }
}

extension JSON: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(booleanLiteral value: Bool) { self.init(value) }
  public init(integerLiteral value: Int) { self.init(value) }
  /// A literal is never infinite or NaN unless it overflows: then null.
  public init(floatLiteral value: Double) { self = JSON(value) ?? .null }
  public init(stringLiteral value: String) { self.init(value) }
  public init(arrayLiteral elements: JSON...) { self.init(elements) }
  public init(dictionaryLiteral elements: (String, JSON)...) { self.init(members: elements.lazy.map { (name: $0.0, value: $0.1) }) }
}
