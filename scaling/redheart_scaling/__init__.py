"""Work spread over a Ray cluster. Training, sweeps and analyses themselves know nothing of Ray."""
