import EventModel
import Testing
import ViewKit
import ViewLaws

@testable import Views

@Suite struct `The laws of the shipped views` {
  private typealias Random = any RandomNumberGenerator

  private func pick(_ choices: [String], _ random: inout Random) -> String { choices.randomElement(using: &random) ?? "" }

  /// Tenths, which don't add up exactly.
  private func number(_ range: ClosedRange<Int>, _ random: inout Random) -> Double { Double(Int.random(in: range, using: &random)) / 10 }

  private func shipmentEvent(_ random: inout Random) -> ShipmentEvent {
    let location = pick(["HAM", "ROT", "é"], &random)
    let quantity = Int.random(in: 0...9, using: &random)
    let goods = ShipmentEvent.Goods(
      location: location, sku: pick(["K1", "K2"], &random), quantity: quantity, shipment: Bool.random(using: &random) ? "S1" : nil)
    switch Int.random(in: 0..<10, using: &random) {
    case 0: return .received(goods)
    case 1: return .picked(goods)
    case 2: return .corrected(.init(location: goods.location, sku: goods.sku, quantity: 4 - quantity, shipment: goods.shipment))
    default:
      return .scanned(
        .init(
          type: [nil, "scanned", "departed", 7].randomElement(using: &random) ?? nil, shipment: pick(["S1", "S2", ""], &random),
          location: location, weightKg: Bool.random(using: &random) ? number(0...400, &random) : nil,
          temperatureC: Bool.random(using: &random) ? number(-50...150, &random) : nil))
    }
  }

  @Test func `shipments, joined`() throws {
    try ViewLaws.check(WeightByLocation(), event: shipmentEvent)
    try ViewLaws.check(WeightByShipment(), event: shipmentEvent)
    try ViewLaws.check(LastLocation(), event: shipmentEvent)
    try ViewLaws.check(byShipment, event: shipmentEvent)
    try ViewLaws.check(Stock(), event: shipmentEvent)
  }

  @Test func `shipments, folded`() throws {
    try ViewLaws.check(Dwell(), event: shipmentEvent)
    try ViewLaws.check(ColdChain(over: 8), event: shipmentEvent)
  }

  @Test func `the key/value map`() throws {
    try ViewLaws.check(KeyValues()) { random in
      let value: JSON? = [nil, .null, 1, "red", ["a": [1.5]]].randomElement(using: &random) ?? nil
      return KeyValueEvent(key: pick(["a", "b", "\u{0}", "colour"], &random), value: value)
    }
  }

  private func epcisEvent(_ random: inout Random) throws -> EPCISEvent {
    let serials = (0...Int.random(in: 0...2, using: &random)).map { _ in Int.random(in: 1...4, using: &random) }
    let epcs = JSON(serials.map { JSON("urn:epc:id:sgtin:1.2.\($0)") })
    let transforms = Int.random(in: 0..<5, using: &random) == 0
    var body: JSON = [
      "type": transforms ? "TransformationEvent" : "ObjectEvent", "action": JSON(pick(["ADD", "OBSERVE", "DELETE"], &random)),
      "eventTime": JSON(Instant(milliseconds: 1_780_000_000_000 - Int64.random(in: 0...99, using: &random) * 60_000).description),
      "bizStep": JSON(pick(["shipping", "receiving", "https://ref.gs1.org/cbv/BizStep-departing"], &random)),
    ]
    body = body.setting(transforms ? pick(["inputEPCList", "outputEPCList"], &random) : "epcList", to: epcs)
    if Bool.random(using: &random) { body = body.setting("bizLocation", to: ["id": JSON(pick(["urn:A", "urn:B"], &random))]) }
    if Int.random(in: 0..<9, using: &random) == 0 { body = body.setting("errorDeclaration", to: [:]) }
    return try EventDecoder().decode(EPCISEvent.self, from: body)
  }

  @Test func `EPCIS`() throws {
    try ViewLaws.check(LastSeen(), event: epcisEvent)
    try ViewLaws.check(Inventory(), event: epcisEvent)
  }
}
