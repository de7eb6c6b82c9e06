// The same job as container-apps-job.yaml, for who deploys with Bicep: one of both is enough. The environment, its storage
// `countermand-ledgers` and the identity are there already, as that file says.
//
//   az deployment group create --resource-group countermand --template-file jobs/deploy/azure/container-apps-job.bicep
param location string = 'westeurope'
param image string = 'ghcr.io/your-org/countermand:0.1.0'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: 'countermand'
}

resource environment 'Microsoft.App/managedEnvironments@2024-03-01' existing = {
  name: 'countermand'
}

resource nightly 'Microsoft.App/jobs@2024-03-01' = {
  name: 'countermand-nightly'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    configuration: {
      triggerType: 'Schedule'
      scheduleTriggerConfig: {
        // In UTC.
        cronExpression: '0 2 * * *'
        // One sender at a time; a second one would exit with 11.
        parallelism: 1
        replicaCompletionCount: 1
      }
      // Longer than the job's maxDuration (3h), shorter than the time to the next start.
      replicaTimeout: 14400
      // None, since a stop by a guard (exit code 5) would be run again like any other end.
      replicaRetryLimit: 0
      secrets: [
        {
          // Not a secret: this is how a Container Apps job is given a file.
          name: 'stale-actions-nightly'
          value: loadTextContent('../../stale-actions-nightly.yaml')
        }
      ]
    }
    template: {
      containers: [
        {
          name: 'countermand'
          image: image
          args: [
            'run'
            '/jobs/stale-actions-nightly.yaml'
            '--yes'
          ]
          env: [
            {
              name: 'COUNTERMAND_AUTH'
              value: 'managed-identity'
            }
            {
              name: 'AZURE_TENANT_ID'
              value: tenant().tenantId
            }
            {
              // A user-assigned identity is never found without it.
              name: 'AZURE_CLIENT_ID'
              value: identity.properties.clientId
            }
          ]
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          volumeMounts: [
            {
              volumeName: 'ledgers'
              mountPath: '/ledgers'
            }
            {
              volumeName: 'jobs'
              mountPath: '/jobs'
            }
          ]
        }
      ]
      volumes: [
        {
          name: 'ledgers'
          storageType: 'AzureFile'
          storageName: 'countermand-ledgers'
          // A share knows no owners: without these, the image's user could not write.
          mountOptions: 'uid=1000,gid=1000,file_mode=0600,dir_mode=0700'
        }
        {
          name: 'jobs'
          storageType: 'Secret'
          secrets: [
            {
              secretRef: 'stale-actions-nightly'
              path: 'stale-actions-nightly.yaml'
            }
          ]
        }
      ]
    }
  }
}
