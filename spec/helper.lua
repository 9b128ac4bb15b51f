-- Where the helpers were before they moved to spec/support/.
return require "spec.support.helper"
