namespace KvmAgent.Coordinator.Tests.Support;

/// <summary>The kinds of the snapshot controller (kubernetes-csi/external-snapshotter), as far as anything of them is used.</summary>
internal static class SnapshotKinds
{
    public const string Group = "snapshot.storage.k8s.io";

    public const string Yaml =
        """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: volumesnapshots.snapshot.storage.k8s.io}
        spec:
          group: snapshot.storage.k8s.io
          scope: Namespaced
          names: {kind: VolumeSnapshot, listKind: VolumeSnapshotList, plural: volumesnapshots, singular: volumesnapshot, shortNames: [vs]}
          versions:
          - name: v1
            served: true
            storage: true
            subresources: {status: {} }
            schema:
              openAPIV3Schema:
                type: object
                required: [spec]
                properties:
                  apiVersion: {type: string}
                  kind: {type: string}
                  metadata: {type: object}
                  spec:
                    type: object
                    required: [source]
                    properties:
                      source:
                        type: object
                        properties:
                          persistentVolumeClaimName: {type: string}
                          volumeSnapshotContentName: {type: string}
                      volumeSnapshotClassName: {type: string}
                  status:
                    type: object
                    properties:
                      boundVolumeSnapshotContentName: {type: string}
                      creationTime: {type: string, format: date-time}
                      error: {type: object, properties: {message: {type: string}, time: {type: string, format: date-time} } }
                      readyToUse: {type: boolean}
                      restoreSize: {type: string}
        ---
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: volumesnapshotclasses.snapshot.storage.k8s.io}
        spec:
          group: snapshot.storage.k8s.io
          scope: Cluster
          names: {kind: VolumeSnapshotClass, listKind: VolumeSnapshotClassList, plural: volumesnapshotclasses, singular: volumesnapshotclass}
          versions:
          - name: v1
            served: true
            storage: true
            schema:
              openAPIV3Schema:
                type: object
                required: [deletionPolicy, driver]
                properties:
                  apiVersion: {type: string}
                  kind: {type: string}
                  metadata: {type: object}
                  driver: {type: string}
                  deletionPolicy: {type: string, enum: [Delete, Retain]}
                  parameters: {type: object, additionalProperties: {type: string} }
        ---
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: volumesnapshotcontents.snapshot.storage.k8s.io}
        spec:
          group: snapshot.storage.k8s.io
          scope: Cluster
          names: {kind: VolumeSnapshotContent, listKind: VolumeSnapshotContentList, plural: volumesnapshotcontents, singular: volumesnapshotcontent}
          versions:
          - name: v1
            served: true
            storage: true
            schema:
              openAPIV3Schema:
                type: object
                required: [spec]
                properties:
                  apiVersion: {type: string}
                  kind: {type: string}
                  metadata: {type: object}
                  spec:
                    type: object
                    required: [driver]
                    properties:
                      driver: {type: string}
                      sourceVolumeMode: {type: string}
        """;
}
