extension Encoder {
  /// Encodes an event as its payload's members, then `type` and, if given, `version`: what a `Reading` of them reads.
  ///
  /// - Parameter payload: must encode members. One named `type` or `version` is replaced.
  public func flat(_ type: String, version: Int? = nil, _ payload: some Encodable) throws {
    try payload.encode(to: self)
    var container = container(keyedBy: FlatKey.self)
    try container.encode(type, forKey: .type)
    try container.encodeIfPresent(version, forKey: .version)
  }
}

private enum FlatKey: CodingKey { case type, version }
