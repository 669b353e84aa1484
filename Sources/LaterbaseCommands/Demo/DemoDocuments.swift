/// The EPCIS documents of Fixtures/events/epcis, built into the executable, in the order of their story.
enum DemoDocuments {
  static let all: [[UInt8]] = [
    PackageResources.__transformation_jsonld, PackageResources.__aggregation_jsonld, PackageResources.__object_jsonld,
    PackageResources.__sensor_jsonld, PackageResources.__association_jsonld, PackageResources.__transaction_jsonld,
    PackageResources.__error_declaration_jsonld, PackageResources.__own_context_jsonld,
  ]
}
