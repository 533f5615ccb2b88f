"""How much a traffic needs: measured costs, a closed form over them, and a simulation that holds the closed form."""
