import EventModel
import Replication

/// An introduction on the wire:
///
///     {"cluster":"laterbase","node":"0ZK3…","name":"ham-1","address":"http://10.0.0.5:5283","region":"eu","role":"server","revision":4}
///
/// Members that aren't known are left alone: a later version may say more.
extension Introduction {
  var json: JSON {
    var members: [(name: String, value: JSON)] = [
      ("cluster", JSON(cluster)), ("node", JSON(member.id.description)), ("name", JSON(member.name)), ("region", JSON(member.region)),
      ("role", JSON(member.role.rawValue)),
    ]
    if let address = member.address { members.append(("address", JSON(address))) }
    if revision > 0 { members.append(("revision", JSON(revision))) }
    return JSON(members: members)
  }

  /// Reads an introduction; nil if a member is missing or of another form.
  init?(_ json: JSON) {
    guard let cluster = json["cluster"]?.string, let id = json["node"]?.string.flatMap({ Origin($0) }), id.value != 0,
      let name = json["name"]?.string, let region = json["region"]?.string, let role = json["role"]?.string.flatMap(Member.Role.init)
    else { return nil }
    let address = json["address"]
    guard address == nil || address?.isNull == true || address?.string != nil else { return nil }
    guard let revision = json["revision"].map({ $0.integer(as: UInt64.self) }) ?? 0 else { return nil }
    self.init(cluster: cluster, Member(id: id, name: name, address: address?.string, region: region, role: role), revision: revision)
  }
}
