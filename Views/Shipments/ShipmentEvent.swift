import EventModel
import ViewKit

/// Shipments that are scanned at places, and goods that come and go there.
let shipments = Database("shipments", of: ShipmentEvent.self) {
  WeightByLocation()
  WeightByShipment()
  LastLocation()
  byShipment
  Stock()
  Dwell()
  ColdChain(over: 8)
}

/// What happens to goods (types `received`, `picked`, `corrected`) and, whatever its type, to a shipment: a scan.
///
///     {"type":"scanned","shipment":"S1","location":"HAM","weightKg":12.5,"temperatureC":6.5}
///     {"type":"departed","shipment":"S1","location":"HAM"}
///     {"type":"received","location":"HAM","sku":"K1","quantity":10}
///     {"type":"picked","location":"HAM","sku":"K1","quantity":2,"shipment":"S1"}
///     {"type":"corrected","location":"HAM","sku":"K1","quantity":-1}
///
/// Further members stay in the body as they came.
enum ShipmentEvent: EventType {
  case scanned(Scan)
  case received(Goods)
  case picked(Goods)
  case corrected(Goods)

  /// A shipment, seen at a place. One of type `departed` says that it leaves.
  struct Scan: Codable {
    /// Anything, or nothing.
    var type: JSON?
    var shipment: String
    var location: String
    var weightKg: Double?
    /// What a thermometer beside the shipment shows.
    var temperatureC: Double?
  }

  /// Pieces of an article at a place, and the shipment that they are for or came with, if there is one.
  struct Goods: Codable {
    var location: String
    var sku: String
    /// Whole pieces. Received and picked are counted from 0 up; a correction says how many more or, negative, fewer there are.
    var quantity: Int
    var shipment: String?

    func counted() throws -> Goods {
      guard quantity >= 0 else { throw Refusal("/quantity", "\(quantity) is negative, which only a `corrected` may be") }
      return self
    }
  }

  static var readings: [Reading<Self>] {
    Reading("received", version: nil, Goods.self) { .received(try $0.counted()) }
    Reading("picked", version: nil, Goods.self) { .picked(try $0.counted()) }
    Reading("corrected", version: nil, Goods.self, upcast: Self.corrected)
    Reading(version: nil, Scan.self, upcast: Self.scanned)
  }

  func encode(to encoder: any Encoder) throws {
    switch self {
    case .scanned(let scan): try scan.encode(to: encoder)
    case .received(let goods): try encoder.flat("received", goods)
    case .picked(let goods): try encoder.flat("picked", goods)
    case .corrected(let goods): try encoder.flat("corrected", goods)
    }
  }
}
