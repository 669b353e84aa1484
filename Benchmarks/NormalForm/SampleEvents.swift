/// The events of the comparison with other stores: 256 bytes each, members not sorted, one escape-free note of 120 bytes, the same
/// sequence on every run (xorshift64).
struct SampleEvents {
  private static let locations = [
    "HAM", "BRE", "BER", "MUC", "FRA", "CGN", "DUS", "STR", "LEJ", "NUE", "HAJ", "DRS", "ERF", "FMO", "KSF", "PAD", "SCN", "FDH", "GWT",
    "RLG",
  ]
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var sequence = 0

  mutating func next() -> [UInt8] {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    let (second, weight) = (sequence % 2_419_200, state >> 32 % 1000)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let shipment = String(state % 10_000)
    var event = [UInt8](
      (#"{"type":"shipment.scanned","shipment":"SHP-"# + String(repeating: "0", count: 6 - shipment.count) + shipment
        + #"","location":""# + Self.locations[Int((state >> 20) % 20)] + #"","at":"2026-03-"# + two(1 + second / 86400) + "T"
        + two(second / 3600 % 24) + ":" + two(second / 60 % 60) + ":" + two(second % 60)
        + #"Z","weightKg":\#(weight / 10).\#(weight % 10),"note":""#).utf8)
    let padding = [UInt8]("abcdefghijklmnopqrstuvwxyz012345".utf8)
    while event.count < 254 { event.append(padding[(sequence + event.count * 7) & 31]) }
    event += [UInt8(ascii: "\""), UInt8(ascii: "}")]
    sequence += 1
    return event
  }
}
